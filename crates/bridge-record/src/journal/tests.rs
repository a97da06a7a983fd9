use std::sync::Arc;

use bridge_telemetry::{Metrics, discard};

use super::queue::Queue;
use super::recover::Recovered;
use super::shared::Shared;
use super::{Folder, JournalConfig, lock, start_writer};

#[tokio::test]
async fn the_lock_is_let_go_although_somebody_has_its_file_open() {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::at(place.path());
    let locked = lock(&folder).unwrap();
    // As a child has it between its beginning and its program's.
    let _inherited = locked.try_clone().unwrap();
    let (config, recovered) = (JournalConfig::default(), Recovered::default());
    let queue = Queue::new(config, &recovered);
    let shared = Arc::new(Shared::new(queue, config, Metrics::default(), discard()));
    let ended = start_writer(&shared, folder.clone(), recovered, locked).unwrap();
    assert!(lock(&folder).is_err());
    shared.end();
    ended.await.unwrap();
    lock(&folder).unwrap();
}

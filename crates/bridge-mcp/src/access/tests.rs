use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bridge_auth::ActorId;
use bridge_upstream::Manners;
use futures_util::future::join_all;
use tokio::time::{Instant, advance};

use super::*;
use crate::{Granted, ServerSpec};

const PATIENCE: Duration = Duration::from_secs(10);

/// Counts how often it is asked, and never answers unless it repeats what there was.
struct Stubborn {
    asked: AtomicUsize,
    repeats: bool,
}

#[async_trait]
impl ToolAuthority for Stubborn {
    async fn servers(&self, _: &Caller) -> Result<Granted, AuthorityError> {
        Ok(Granted::default())
    }

    async fn token(
        &self,
        _: &Caller,
        _: &Server,
        had: &UserToken,
        _: Renewal,
    ) -> Result<UserToken, AuthorityError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        tokio::task::yield_now().await;
        if !self.repeats {
            std::future::pending::<()>().await;
        }
        Ok(had.clone())
    }
}

fn access(repeats: bool, expires_in: Duration) -> (Arc<Stubborn>, Access) {
    let stubborn = Arc::new(Stubborn {
        asked: AtomicUsize::new(0),
        repeats,
    });
    let authority: Arc<dyn ToolAuthority> = Arc::<Stubborn>::clone(&stubborn);
    let server = Server::try_new(ServerSpec {
        id: String::new(),
        name: "one".to_owned(),
        url: "http://127.0.0.1:9/mcp".to_owned(),
        allow: Vec::new(),
        deny: Vec::new(),
        headers: Vec::new(),
        credential: Credential::Users,
        manners: Manners::default(),
    });
    let caller = Arc::new(Caller {
        actor: ActorId::from_bytes([7; 16]),
        api_key_id: "key".to_owned(),
        own_key: None,
    });
    let token = UserToken {
        secret: Secret::new("the-users".to_owned()),
        revision: 1,
        expires_at: Some(wall_clock() + expires_in),
    };
    let server = Arc::new(server.unwrap());
    let access = Access::try_new(server, &caller, &authority, PATIENCE, Some(token));
    (stubborn, access.unwrap())
}

fn asked(stubborn: &Stubborn) -> usize {
    stubborn.asked.load(Ordering::SeqCst)
}

#[tokio::test(start_paused = true)]
async fn an_authority_that_hangs_is_waited_for_once_and_not_by_one_after_the_other() {
    let (stubborn, access) = access(false, Duration::from_secs(25));
    let since = Instant::now();
    let all = join_all((0..8).map(|_| access.credential())).await;
    assert!(all.iter().all(Result::is_ok));
    assert_eq!((since.elapsed(), asked(&stubborn)), (PATIENCE, 1));
    // What is good is used meanwhile.
    access.credential().await.unwrap();
    assert_eq!((since.elapsed(), asked(&stubborn)), (PATIENCE, 1));
    advance(PATIENCE).await;
    access.credential().await.unwrap();
    assert_eq!(asked(&stubborn), 2);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_was_refused_to_many_is_asked_for_once() {
    let (stubborn, access) = access(true, Duration::from_secs(3_600));
    let (_, token) = access.credential().await.unwrap();
    let all = join_all((0..8).map(|_| access.refused(token.as_ref()))).await;
    assert!(all.into_iter().all(|is_newer| !is_newer.unwrap()));
    assert_eq!(asked(&stubborn), 1);
    // Who is refused later asks again.
    assert!(!access.refused(token.as_ref()).await.unwrap());
    assert_eq!(asked(&stubborn), 2);
}

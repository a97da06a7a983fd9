//! Many clients, each with one request after another, until they are told to stop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::{Mutex, RwLock};

use super::ask::{Ask, Ending};
use super::compare::{Findings, Made};
use super::dice::Dice;
use crate::Outcome;
use crate::program::{pause, until};

/// How many requests a load makes at most, whatever it is told.
const MOST: usize = 60_000;
/// How long some answers may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks at them.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// After a request that was not taken.
const BREATH: Duration = Duration::from_millis(5);

/// What kind of requests are made.
pub(super) type Shape = fn(String, &mut Dice) -> Ask;

/// Running clients. Dropped, they make no further requests.
#[derive(Debug)]
pub(super) struct Load {
    shared: Arc<Shared>,
    clients: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    name: String,
    key: String,
    /// The longest time, in milliseconds, that a client rests between two requests.
    rest_ms: u64,
    is_over: AtomicBool,
    begun: AtomicUsize,
    /// Gateways; a client takes any of them.
    gateways: RwLock<Vec<SocketAddr>>,
    made: Mutex<Vec<Made>>,
}

impl Load {
    /// Starts so many clients. Requests go nowhere before [`Self::lead_to`]. The name must be one
    /// that no other load has.
    pub(super) fn start(
        name: &str,
        clients: u64,
        key: &str,
        seed: u64,
        rest_ms: u64,
        shape: Shape,
    ) -> Self {
        let shared = Arc::new(Shared {
            name: format!("{name}-{seed}"),
            key: key.to_owned(),
            rest_ms,
            is_over: AtomicBool::new(false),
            begun: AtomicUsize::new(0),
            gateways: RwLock::default(),
            made: Mutex::default(),
        });
        let clients = (0..clients).map(|number| {
            let shared = Arc::clone(&shared);
            let dice = Dice::of(seed, number);
            thread::spawn(move || shared.work(number, dice, shape))
        });
        Self {
            clients: clients.collect(),
            shared,
        }
    }

    /// From now on requests go there.
    pub(super) fn lead_to(&self, gateways: &[SocketAddr]) {
        *self.shared.gateways.write() = gateways.to_vec();
    }

    /// How many requests have ended so.
    pub(super) fn count(&self, is_it: impl Fn(Ending) -> bool) -> usize {
        let made = self.shared.made.lock();
        made.iter().filter(|made| is_it(made.ending)).count()
    }

    /// Waits until so many more answers are whole: then all gateways work, and know their caller.
    pub(super) fn wait_for_answers(&self, more: usize) -> Outcome {
        let is_whole = |ending| ending == Ending::Whole;
        let wanted = self.count(is_whole) + more;
        let what = format!("{more} more whole answers");
        let are_there = || self.count(is_whole) >= wanted;
        until(&what, PATIENCE, LOOK_AGAIN, are_there)
    }

    /// Lets the requests that run come to their end, makes no more, and tells all.
    pub(super) fn stop(mut self) -> Outcome<Vec<Made>> {
        self.shared.is_over.store(true, Ordering::Relaxed);
        for client in std::mem::take(&mut self.clients) {
            client.join().map_err(|_| "a client panicked")?;
        }
        Ok(std::mem::take(&mut *self.shared.made.lock()))
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
    }
}

impl Shared {
    fn work(&self, client: u64, mut dice: Dice, shape: Shape) {
        let mut number = 0;
        while !self.is_over.load(Ordering::Relaxed) {
            let Some(gateway) = dice.pick(&self.gateways.read()) else {
                pause(BREATH);
                continue;
            };
            if self.begun.fetch_add(1, Ordering::Relaxed) >= MOST {
                return;
            }
            number += 1;
            let ask = shape(format!("{}-{client}-{number}", self.name), &mut dice);
            let ending = ask.send(gateway, &self.key);
            self.made.lock().push(Made {
                prompt_sha256: ask.prompt_sha256(),
                mark: ask.mark,
                ending,
            });
            match ending {
                Ending::Whole | Ending::Broken => pause(dice.millis(0, self.rest_ms)),
                Ending::NotConnected | Ending::Unanswered | Ending::Status(_) => pause(BREATH),
            }
        }
    }
}

/// Every answer that is not whole is a finding: nothing was done that excuses it.
pub(super) fn blame(made: &[Made], findings: &mut Findings) {
    for made in made {
        match made.ending {
            Ending::Whole => {}
            Ending::Broken => findings.cut(format!("{}: the answer broke off", made.mark)),
            Ending::Status(status) => {
                findings.refused(format!("{}: status {status}", made.mark));
            }
            Ending::NotConnected => findings.refused(format!("{}: no connection", made.mark)),
            Ending::Unanswered => findings.refused(format!("{}: no answer", made.mark)),
        }
    }
}

/// The same, where a gateway may say with this status that it cannot serve now.
pub(super) fn blame_all_but(status: u16, made: &[Made], findings: &mut Findings) {
    let is_excused = |made: &&Made| made.ending == Ending::Status(status);
    let blamed: Vec<Made> = made.iter().filter(|it| !is_excused(it)).cloned().collect();
    blame(&blamed, findings);
}

/// How requests ended, for people.
pub(super) fn told(made: &[Made]) -> String {
    let count = |is_it: fn(Ending) -> bool| made.iter().filter(|it| is_it(it.ending)).count();
    let whole = count(|ending| ending == Ending::Whole);
    let broken = count(|ending| ending == Ending::Broken);
    let refused = count(|ending| matches!(ending, Ending::Status(_)));
    let lost = count(|ending| matches!(ending, Ending::NotConnected | Ending::Unanswered));
    let all = made.len();
    format!(
        "{all} requests: {whole} whole, {broken} broken off, {refused} refused, {lost} unanswered"
    )
}

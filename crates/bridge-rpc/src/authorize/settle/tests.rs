//! The whole machine against what was told to it: who is let in, and on whose word.

use std::collections::{HashMap, HashSet};

use bridge_auth::{Actor, ActorId, Grant, RefusalReason, Standing};
use proptest::prelude::*;

use super::super::cache::{Confirmed, Subject};
use super::*;

/// Lease and grace in seconds, one of them the longer.
const TERMS: [(u64, u64); 2] = [(30, 600), (600, 30)];

fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

fn digest(number: u8) -> Digest {
    [number; 32]
}

fn grant(number: u8) -> Arc<Grant> {
    Arc::new(Grant {
        actor: Actor {
            id: ActorId::from_bytes([number; 16]),
            username: String::new(),
            email: None,
        },
        api_key_id: format!("key-{number}"),
        workspace_id: None,
        expires_at: None,
        standing: Standing::Confirmed,
    })
}

/// One thing that happens to an authorizer of four callers.
#[derive(Debug, Clone)]
enum Step {
    /// A call about a caller is answered well, if there is a connection.
    Granted(u8),
    /// The same, with a refusal.
    Refused(u8),
    /// A call is not answered although there is a connection.
    Unanswered,
    /// Word of a revocation arrives, if there is a connection.
    Revoked(u8),
    /// The control plane says that revocations may have been missed.
    Reset,
    /// The stream of revocations ends, and the connection stays.
    Ended,
    /// The connection is lost, or a new one is made.
    Lost,
    Connected,
    /// All kept grants are checked, and those below this number are refused.
    Checked(u8),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..4_u8).prop_map(Step::Granted),
        1 => (0..4_u8).prop_map(Step::Refused),
        1 => Just(Step::Unanswered),
        2 => (0..4_u8).prop_map(Step::Revoked),
        1 => Just(Step::Reset),
        1 => Just(Step::Ended),
        3 => Just(Step::Lost),
        3 => Just(Step::Connected),
        1 => (0..3_u8).prop_map(Step::Checked),
        6 => prop_oneof![0..40_u64, Just(300), Just(600)].prop_map(Step::Wait),
    ]
}

/// What an onlooker remembers: when each caller was last granted and not refused since, whose grant
/// is doubted and until when it would have been good on grace, and since when nobody answers.
struct Onlooker {
    lease: Duration,
    grace: Duration,
    good: HashMap<u8, Instant>,
    doubted: HashMap<u8, Instant>,
    silent_since: Option<Instant>,
    /// Nobody would tell of a revocation.
    is_deaf: bool,
}

impl Onlooker {
    fn grant(&mut self, number: u8, now: Instant) {
        self.good.insert(number, now);
        self.doubted.remove(&number);
    }

    fn refuse(&mut self, number: u8) {
        self.good.remove(&number);
        self.doubted.remove(&number);
    }

    fn doubt(&mut self, now: Instant) {
        let until = self.silent_since.unwrap_or(now) + self.grace;
        for number in self.good.keys() {
            self.doubted.entry(*number).or_insert(until);
        }
    }

    /// On whose word a caller may be let in.
    fn standing(&self, number: u8, now: Instant) -> Option<Standing> {
        let confirmed = *self.good.get(&number)?;
        let doubted = self.doubted.get(&number);
        let is_over = |silent: Instant| now >= silent + self.grace;
        if self.silent_since.is_some_and(is_over) {
            return None;
        }
        let is_unheard = self.is_deaf && self.silent_since.is_none();
        if doubted.is_none() && !is_unheard && now < confirmed + self.lease {
            return Some(Standing::Confirmed);
        }
        let is_doubt_over = doubted.is_some_and(|until| *until <= now);
        let is_away = self.silent_since.is_some() && !is_doubt_over;
        is_away.then_some(Standing::Grace)
    }
}

/// The machine, driven as the authorizer drives it.
struct Machine {
    state: State,
    line: Line,
    number: u64,
}

impl Machine {
    fn is_up(&self) -> bool {
        matches!(self.line, Line::Up(_))
    }

    fn lose(&mut self, onlooker: &mut Onlooker, now: Instant) {
        if self.is_up() {
            self.line = Line::Down(now);
            onlooker.silent_since.get_or_insert(now);
        }
    }

    fn connect(&mut self, onlooker: &mut Onlooker, now: Instant) {
        if !self.is_up() {
            self.number += 1;
            self.line = Line::Up(self.number);
            onlooker.doubt(now);
            onlooker.silent_since = None;
        }
    }

    fn standing(&mut self, number: u8, now: Instant) -> Option<Standing> {
        self.state.observe(self.line, now);
        let kept = self.state.kept(&digest(number), now);
        kept.answer?.ok().map(|grant| grant.standing)
    }

    fn apply(&mut self, step: &Step, onlooker: &mut Onlooker, now: Instant) {
        let state = &mut self.state;
        match *step {
            Step::Granted(number) => {
                state.reach.answered(now);
                state.cache.grant(confirmed(number, now), now);
                onlooker.silent_since = None;
                onlooker.grant(number, now);
            }
            Step::Refused(number) => {
                state.reach.answered(now);
                let reason = RefusalReason::UnknownKey;
                state
                    .cache
                    .refuse(digest(number), Subject::Key, reason, now);
                onlooker.silent_since = None;
                onlooker.refuse(number);
            }
            Step::Unanswered => {
                // A later call may have been answered already, at this same instant.
                if state.reach.unanswered(now) {
                    onlooker.silent_since = Some(now);
                }
            }
            Step::Ended => {
                state.is_deaf = true;
                onlooker.is_deaf = true;
            }
            Step::Revoked(number) => {
                let key = format!("key-{number}");
                state
                    .cache
                    .revoke(&HashSet::from([key.as_str()]), &HashSet::new());
                onlooker.refuse(number);
            }
            Step::Reset => {
                state.is_deaf = false;
                onlooker.is_deaf = false;
                state.cache.doubt(state.reach.end_of_grace(now));
                onlooker.doubt(now);
            }
            Step::Checked(refused) => {
                state.reach.answered(now);
                onlooker.silent_since = None;
                let keys: Vec<_> = (0..refused).map(|number| format!("key-{number}")).collect();
                let keys = keys.iter().map(String::as_str).collect();
                let grants = state.cache.checkable(now);
                state.cache.revoke(&keys, &HashSet::new());
                for (digest, grant) in &grants {
                    state.cache.confirm(digest, grant, now);
                    let number = digest[0];
                    if number < refused {
                        onlooker.refuse(number);
                    } else {
                        onlooker.grant(number, now);
                    }
                }
            }
            Step::Lost | Step::Connected | Step::Wait(_) => {}
        }
    }
}

fn confirmed(number: u8, now: Instant) -> Confirmed {
    Confirmed {
        digest: digest(number),
        subject: Subject::Key,
        grant: grant(number),
        asked_at: now,
        expires: None,
    }
}

proptest! {
    /// Nobody is let in who was not granted or was revoked since, unasked whose grant is doubted, or
    /// behind the end of the grace; and everybody else is, with the right standing.
    #[test]
    fn callers_are_let_in_when_an_onlooker_would(
        steps in proptest::collection::vec(step(), 1..100),
        (lease, grace) in proptest::sample::select(&TERMS),
    ) {
        let mut now = std::iter::once(Instant::now()).next().expect("one");
        let config = AuthorizerConfig {
            lease: Some(seconds(lease)),
            grace: Some(seconds(grace)),
            ..AuthorizerConfig::default()
        };
        let mut machine = Machine {
            state: State::new(&config),
            line: Line::Down(now),
            number: 0,
        };
        machine.state.is_deaf = false;
        // Nothing has been heard yet: the grace of that silence is over from the start.
        let before = now - seconds(grace);
        let mut onlooker = Onlooker {
            lease: seconds(lease),
            grace: seconds(grace),
            good: HashMap::new(),
            doubted: HashMap::new(),
            silent_since: Some(before),
            is_deaf: false,
        };
        for step in steps {
            match step {
                Step::Wait(time) => now += seconds(time),
                Step::Lost => machine.lose(&mut onlooker, now),
                Step::Connected => machine.connect(&mut onlooker, now),
                Step::Granted(_)
                | Step::Refused(_)
                | Step::Unanswered
                | Step::Revoked(_)
                | Step::Reset
                | Step::Ended
                | Step::Checked(_) => {
                    if machine.is_up() {
                        machine.state.observe(machine.line, now);
                        machine.apply(&step, &mut onlooker, now);
                    }
                }
            }
            for number in 0..4 {
                let expected = onlooker.standing(number, now);
                prop_assert_eq!(machine.standing(number, now), expected, "{} {:?}", number, step);
            }
        }
    }
}

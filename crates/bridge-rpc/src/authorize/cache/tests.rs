use std::time::Duration;

use bridge_auth::{Actor, Standing};
use proptest::prelude::*;

use super::*;

fn digest(number: u8) -> Digest {
    [number; 32]
}

fn grant(key: u8, user: u8) -> Arc<Grant> {
    Arc::new(Grant {
        actor: Actor {
            id: ActorId::from_bytes([user; 16]),
            username: format!("user-{user}"),
            email: None,
        },
        api_key_id: format!("key-{key}"),
        workspace_id: None,
        expires_at: None,
        standing: Standing::Confirmed,
    })
}

/// A grant for a question that was asked then.
fn confirmed(number: u8, key: u8, user: u8, asked_at: Instant) -> Confirmed {
    Confirmed {
        digest: digest(number),
        subject: Subject::Key,
        grant: grant(key, user),
        asked_at,
        expires: None,
    }
}

const LEASE: u64 = 30;
const KNOWN_FOR: u64 = 1_000;
const REFUSED: RefusalReason = RefusalReason::UnknownKey;

fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

fn cache(capacity: usize) -> Cache {
    Cache::new(Terms {
        lease: seconds(LEASE),
        known_for: seconds(KNOWN_FOR),
        capacity,
    })
}

fn is_fresh(cache: &Cache, number: u8, now: Instant) -> bool {
    matches!(cache.look(&digest(number), now), Some(Found::Fresh(Ok(_))))
}

fn is_known(cache: &Cache, number: u8, now: Instant) -> bool {
    matches!(cache.look(&digest(number), now), Some(Found::Known(_)))
}

#[tokio::test(start_paused = true)]
async fn a_grant_is_fresh_then_known_then_forgotten() {
    let now = Instant::now();
    let just_before = |end| now + seconds(end) - Duration::from_nanos(1);
    let mut cache = cache(10);
    cache.grant(confirmed(1, 1, 1, now), now);
    assert!(is_fresh(&cache, 1, now) && is_fresh(&cache, 1, just_before(LEASE)));
    assert!(is_known(&cache, 1, now + seconds(LEASE)));
    assert!(is_known(&cache, 1, just_before(KNOWN_FOR)));
    assert_eq!(cache.look(&digest(1), now + seconds(KNOWN_FOR)), None);
    assert_eq!(cache.look(&digest(2), now), None);
}

#[tokio::test(start_paused = true)]
async fn nothing_outlives_its_key() {
    let now = Instant::now();
    for (end, at, fresh, known) in [
        (10, 9, true, false),
        (10, 10, false, false),
        (100, 50, false, true),
        (100, 100, false, false),
        (0, 0, false, false),
    ] {
        let mut cache = cache(10);
        let expires = Some(now + seconds(end));
        cache.grant(
            Confirmed {
                expires,
                ..confirmed(1, 1, 1, now)
            },
            now,
        );
        let then = now + seconds(at);
        assert_eq!(is_fresh(&cache, 1, then), fresh, "{end} {at}");
        assert_eq!(is_known(&cache, 1, then), known, "{end} {at}");
        let grants = cache.checkable(now);
        for (digest, grant) in &grants {
            cache.confirm(digest, grant, then);
        }
        assert_eq!(cache.look(&digest(1), now + seconds(end)), None, "{end}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_kept_for_a_moment_and_ends_what_was_granted() {
    let now = Instant::now();
    let mut cache = cache(10);
    cache.grant(confirmed(1, 1, 1, now), now);
    cache.refuse(digest(1), Subject::Key, REFUSED, now);
    let found = cache.look(&digest(1), now);
    assert_eq!(found, Some(Found::Fresh(Err(REFUSED))));
    assert_eq!(cache.look(&digest(1), now + seconds(1)), None);
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_refusals_pushes_no_grant_out() {
    let now = Instant::now();
    let mut cache = cache(4);
    for number in 0..3 {
        cache.grant(confirmed(number, number, 0, now), now);
    }
    let later = now + seconds(LEASE * 2);
    for number in 100..200 {
        cache.refuse(digest(number), Subject::Key, REFUSED, later);
    }
    assert_eq!(cache.len(), 4);
    for number in 0..3 {
        assert!(is_known(&cache, number, later), "{number}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_room_the_grant_that_was_confirmed_least_recently_goes() {
    let now = Instant::now();
    let mut cache = cache(2);
    for number in 0..3 {
        let asked_at = now + seconds(u64::from(number));
        let evicted = cache.grant(confirmed(number, number, 0, asked_at), asked_at);
        assert_eq!(evicted, u64::from(number == 2), "{number}");
    }
    let now = now + seconds(3);
    assert!(cache.look(&digest(0), now).is_none());
    assert!(is_fresh(&cache, 1, now) && is_fresh(&cache, 2, now));
}

#[tokio::test(start_paused = true)]
async fn what_is_doubted_is_good_on_grace_alone_until_it_is_confirmed() {
    let now = Instant::now();
    let mut cache = cache(10);
    cache.grant(confirmed(1, 1, 1, now), now);
    cache.grant(
        Confirmed {
            subject: Subject::Permit,
            ..confirmed(2, 1, 1, now)
        },
        now,
    );
    cache.refuse(digest(3), Subject::Key, REFUSED, now);
    let until = now + seconds(20);
    assert_eq!(cache.doubt(until), 2);
    for number in 1..=2 {
        assert!(is_known(&cache, number, until - seconds(1)), "{number}");
    }
    assert_eq!(
        cache.look(&digest(3), now),
        None,
        "a refusal is asked again"
    );
    assert_eq!(cache.doubt(until + seconds(20)), 0, "it is doubted already");
    for number in 1..=2 {
        assert_eq!(cache.look(&digest(number), until), None, "{number}");
    }
    assert!(cache.confirmed().is_empty());
    let grants = cache.checkable(now);
    assert_eq!(grants.len(), 1, "a permission cannot be checked by a key");
    let asked_at = now + seconds(100);
    cache.confirm(&grants[0].0, &grants[0].1, asked_at);
    assert!(is_fresh(&cache, 1, asked_at + seconds(LEASE - 1)));
    assert!(is_known(&cache, 1, asked_at + seconds(LEASE)));
}

#[tokio::test(start_paused = true)]
async fn a_check_brings_nothing_back() {
    let now = Instant::now();
    let mut cache = cache(10);
    cache.grant(confirmed(1, 1, 1, now), now);
    cache.doubt(now);
    let grants = cache.checkable(now);
    cache.revoke(&HashSet::from(["key-1"]), &HashSet::new());
    cache.confirm(&grants[0].0, &grants[0].1, now);
    assert_eq!(cache.look(&digest(1), now), None, "it was revoked");
    cache.grant(confirmed(1, 1, 1, now), now);
    cache.doubt(now);
    cache.confirm(&grants[0].0, &grants[0].1, now);
    assert_eq!(cache.look(&digest(1), now), None, "it is another grant");
}

#[tokio::test(start_paused = true)]
async fn without_grace_a_doubt_forgets_all() {
    let now = Instant::now();
    let mut cache = Cache::new(Terms {
        lease: seconds(LEASE),
        known_for: Duration::ZERO,
        capacity: 10,
    });
    cache.grant(confirmed(1, 1, 1, now), now);
    assert!(is_fresh(&cache, 1, now));
    assert_eq!(cache.look(&digest(1), now + seconds(LEASE)), None);
    assert_eq!(cache.doubt(now + seconds(LEASE)), 1);
    assert_eq!(cache.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_copy_hears_of_what_comes_and_goes() {
    let now = Instant::now();
    let mut cache = cache(10);
    let mut check = |what: &str, added, taken, change: &mut dyn FnMut(&mut Cache)| {
        let before = cache.changes();
        change(&mut cache);
        let after = cache.changes();
        let found = (after.added - before.added, after.taken - before.taken);
        assert_eq!(found, (added, taken), "{what}");
    };
    let again = |cache: &mut Cache| {
        cache.grant(confirmed(1, 1, 1, now), now);
    };
    check("new", 1, 0, &mut again.clone());
    check("again", 0, 0, &mut again.clone());
    check("other refused", 0, 0, &mut |cache| {
        cache.refuse(digest(2), Subject::Key, REFUSED, now);
    });
    check("other revoked", 0, 0, &mut |cache| {
        cache.revoke(&HashSet::from(["key-7"]), &HashSet::new());
    });
    check("doubted", 0, 1, &mut |cache| {
        cache.doubt(now);
    });
    check("confirmed", 1, 0, &mut |cache| {
        let (digest, grant) = cache.checkable(now).remove(0);
        cache.confirm(&digest, &grant, now);
    });
    check("refused", 0, 1, &mut |cache| {
        cache.refuse(digest(1), Subject::Key, REFUSED, now);
    });
    check("back", 1, 0, &mut again.clone());
    check("revoked", 0, 1, &mut |cache| {
        cache.revoke(&HashSet::from(["key-1"]), &HashSet::new());
    });
}

/// One step of the machine.
#[derive(Debug, Clone)]
enum Step {
    Grant {
        digest: u8,
        key: u8,
        user: u8,
    },
    Refuse {
        digest: u8,
    },
    RevokeKey(u8),
    RevokeUser(u8),
    Doubt,
    /// Checks every kept grant; keys below this number are refused.
    Check(u8),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..12_u8, 0..4_u8, 0..3_u8).prop_map(|(digest, key, user)| {
            Step::Grant { digest, key, user }
        }),
        2 => (0..12_u8).prop_map(|digest| Step::Refuse { digest }),
        1 => (0..4_u8).prop_map(Step::RevokeKey),
        1 => (0..3_u8).prop_map(Step::RevokeUser),
        1 => Just(Step::Doubt),
        1 => (0..3_u8).prop_map(Step::Check),
        3 => (0..20_u64).prop_map(Step::Wait),
        1 => Just(Step::Wait(KNOWN_FOR / 3)),
    ]
}

/// How long doubted grants are good on grace.
const DOUBTED_FOR: u64 = 45;

/// What a plain list without a limit knows of a question.
#[derive(Debug, Clone)]
struct Row {
    answer: Answer,
    asked_at: Instant,
    doubted_until: Option<Instant>,
}

impl Row {
    fn found(&self, now: Instant) -> Option<Found> {
        let (fresh, known) = match &self.answer {
            Ok(_) => (LEASE, KNOWN_FOR),
            Err(_) => (1, 1),
        };
        let age = now - self.asked_at;
        match &self.answer {
            _ if age >= seconds(known) => None,
            _ if self.doubted_until.is_some_and(|until| until <= now) => None,
            answer if self.doubted_until.is_none() && age < seconds(fresh) => {
                Some(Found::Fresh(answer.clone()))
            }
            Ok(grant) => Some(Found::Known(Arc::clone(grant))),
            Err(_) => None,
        }
    }
}

proptest! {
    /// Against a list without a limit: what the cache says is never more than what the list says,
    /// it says all of it while there is room, and it never keeps more than it may.
    #[test]
    fn the_cache_never_says_more_than_a_plain_list(
        steps in proptest::collection::vec(step(), 1..120),
        capacity in 1..16_usize,
    ) {
        let mut now = std::iter::once(Instant::now()).next().expect("one");
        let mut cache = cache(capacity);
        let mut list: HashMap<u8, Row> = HashMap::new();
        let mut evicted = 0;
        for step in steps {
            let (epoch, doubts) = (cache.epoch(), cache.doubts());
            match step {
                Step::Grant { digest: number, key, user } => {
                    evicted += cache.grant(confirmed(number, key, user, now), now);
                    let answer = Ok(grant(key, user));
                    list.insert(number, Row { answer, asked_at: now, doubted_until: None });
                }
                Step::Refuse { digest: number } => {
                    evicted += cache.refuse(digest(number), Subject::Key, REFUSED, now);
                    list.insert(number, Row {
                        answer: Err(REFUSED),
                        asked_at: now,
                        doubted_until: None,
                    });
                }
                Step::RevokeKey(key) => {
                    let name = format!("key-{key}");
                    cache.revoke(&HashSet::from([name.as_str()]), &HashSet::new());
                    list.retain(|_, row| {
                        row.answer.as_ref().map_or(true, |grant| grant.api_key_id != name)
                    });
                    prop_assert!(cache.epoch() > epoch);
                }
                Step::RevokeUser(user) => {
                    let id = ActorId::from_bytes([user; 16]);
                    cache.revoke(&HashSet::new(), &HashSet::from([id]));
                    list.retain(|_, row| {
                        row.answer.as_ref().map_or(true, |grant| grant.actor.id != id)
                    });
                    prop_assert!(cache.epoch() > epoch);
                }
                Step::Doubt => {
                    let until = now + seconds(DOUBTED_FOR);
                    cache.doubt(until);
                    for row in list.values_mut() {
                        row.doubted_until.get_or_insert(until);
                    }
                    prop_assert!(cache.epoch() > epoch && cache.doubts() > doubts);
                }
                Step::Check(refused) => {
                    let names: Vec<_> = (0..refused).map(|key| format!("key-{key}")).collect();
                    let names: HashSet<_> = names.iter().map(String::as_str).collect();
                    let grants = cache.checkable(now);
                    cache.revoke(&names, &HashSet::new());
                    for (digest, grant) in &grants {
                        cache.confirm(digest, grant, now);
                    }
                    list.retain(|_, row| {
                        let is_refused = row.answer.as_ref().is_ok_and(|grant| {
                            names.contains(grant.api_key_id.as_str())
                        });
                        let is_over = now - row.asked_at >= seconds(KNOWN_FOR);
                        if row.answer.is_ok() && !is_over {
                            row.asked_at = now;
                            row.doubted_until = None;
                        }
                        !is_refused
                    });
                }
                Step::Wait(time) => now += seconds(time),
            }
            prop_assert!(cache.len() <= capacity);
            prop_assert_eq!(cache.entries.len(), cache.ends.len());
            for number in 0..12 {
                let kept = cache.look(&digest(number), now);
                let told = list.get(&number).and_then(|row| row.found(now));
                if kept.is_some() || evicted == 0 {
                    prop_assert_eq!(kept, told);
                }
            }
        }
    }
}

use std::time::Duration;

use bridge_auth::{Actor, Standing};
use proptest::prelude::*;

use super::*;

fn digest(number: u8) -> Digest {
    [number; 32]
}

fn granted(key: u8, user: u8) -> Answer {
    Ok(Arc::new(Grant {
        actor: Actor {
            id: ActorId::from_bytes([user; 16]),
            username: format!("user-{user}"),
            email: None,
        },
        api_key_id: format!("key-{key}"),
        workspace_id: None,
        expires_at: None,
        standing: Standing::Confirmed,
    }))
}

const REFUSED: Answer = Err(RefusalReason::UnknownKey);

fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

#[tokio::test(start_paused = true)]
async fn an_answer_holds_until_its_end_and_no_longer() {
    let now = Instant::now();
    let mut cache = Cache::new(10);
    cache.keep(digest(1), granted(1, 1), now, now + seconds(30));
    let just_before = now + seconds(30) - Duration::from_nanos(1);
    assert_eq!(cache.look(&digest(1), just_before), Some(granted(1, 1)));
    assert_eq!(cache.look(&digest(1), now + seconds(30)), None);
    assert_eq!(cache.look(&digest(2), now), None);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_has_ended_is_not_kept() {
    let now = Instant::now();
    let mut cache = Cache::new(10);
    assert_eq!(cache.keep(digest(1), granted(1, 1), now, now), 0);
    assert_eq!(cache.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_refusals_pushes_no_grant_out() {
    let now = Instant::now();
    let mut cache = Cache::new(4);
    for number in 0..3 {
        cache.keep(digest(number), granted(number, 0), now, now + seconds(30));
    }
    for number in 100..200 {
        cache.keep(digest(number), REFUSED, now, now + seconds(1));
    }
    assert_eq!(cache.len(), 4);
    for number in 0..3 {
        assert!(cache.look(&digest(number), now).is_some(), "{number}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_room_the_oldest_grant_goes() {
    let now = Instant::now();
    let mut cache = Cache::new(2);
    for number in 0..3 {
        let asked_at = now + seconds(u64::from(number));
        let evicted = cache.keep(
            digest(number),
            granted(number, 0),
            asked_at,
            asked_at + seconds(30),
        );
        assert_eq!(evicted, u64::from(number == 2), "{number}");
    }
    let now = now + seconds(3);
    assert!(cache.look(&digest(0), now).is_none());
    assert!(cache.look(&digest(1), now).is_some());
    assert!(cache.look(&digest(2), now).is_some());
}

/// One step of the machine.
#[derive(Debug, Clone)]
enum Step {
    Keep {
        digest: u8,
        key: u8,
        user: u8,
        lease: u64,
    },
    Refuse {
        digest: u8,
    },
    RevokeKey(u8),
    RevokeUser(u8),
    Reset,
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..12_u8, 0..4_u8, 0..3_u8, 0..8_u64).prop_map(|(digest, key, user, lease)| {
            Step::Keep { digest, key, user, lease }
        }),
        2 => (0..12_u8).prop_map(|digest| Step::Refuse { digest }),
        1 => (0..4_u8).prop_map(Step::RevokeKey),
        1 => (0..3_u8).prop_map(Step::RevokeUser),
        1 => Just(Step::Reset),
        3 => (0..4_u64).prop_map(Step::Wait),
    ]
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
        let mut cache = Cache::new(capacity);
        let mut list: HashMap<u8, (Answer, Instant)> = HashMap::new();
        let mut evicted = 0;
        for step in steps {
            let epoch = cache.epoch();
            match step {
                Step::Keep { digest: number, key, user, lease } => {
                    let until = now + seconds(lease);
                    evicted += cache.keep(digest(number), granted(key, user), now, until);
                    list.insert(number, (granted(key, user), until));
                }
                Step::Refuse { digest: number } => {
                    evicted += cache.keep(digest(number), REFUSED, now, now + seconds(1));
                    list.insert(number, (REFUSED, now + seconds(1)));
                }
                Step::RevokeKey(key) => {
                    let name = format!("key-{key}");
                    cache.revoke(&HashSet::from([name.as_str()]), &HashSet::new());
                    list.retain(|_, (answer, _)| {
                        answer.as_ref().map_or(true, |grant| grant.api_key_id != name)
                    });
                    prop_assert!(cache.epoch() > epoch);
                }
                Step::RevokeUser(user) => {
                    let id = ActorId::from_bytes([user; 16]);
                    cache.revoke(&HashSet::new(), &HashSet::from([id]));
                    list.retain(|_, (answer, _)| {
                        answer.as_ref().map_or(true, |grant| grant.actor.id != id)
                    });
                    prop_assert!(cache.epoch() > epoch);
                }
                Step::Reset => {
                    cache.reset();
                    list.clear();
                    prop_assert!(cache.epoch() > epoch);
                }
                Step::Wait(time) => now += seconds(time),
            }
            prop_assert!(cache.len() <= capacity);
            prop_assert_eq!(cache.entries.len(), cache.ends.len());
            for number in 0..12 {
                let kept = cache.look(&digest(number), now);
                let told = list.get(&number).filter(|(_, until)| *until > now);
                let told = told.map(|(answer, _)| answer.clone());
                if kept.is_some() || evicted == 0 {
                    prop_assert_eq!(kept, told);
                }
            }
        }
    }
}

use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::Semaphore;

use super::*;

const START: SystemTime = SystemTime::UNIX_EPOCH;

fn at(seconds: u64) -> SystemTime {
    START + Duration::from_secs(seconds)
}

/// Credentials that end at this second, or never.
fn keys(id: &str, expires: Option<u64>) -> Credentials {
    Credentials::new(id, "secret", None, expires.map(at), "test")
}

fn broken() -> CredentialsError {
    CredentialsError::Unavailable(Arc::new(fmt::Error))
}

/// What a cache answers at this second, when fetching gives this.
async fn ask(cache: &Cache, now: u64, fetched: Option<Credentials>) -> Result<String, String> {
    let fetch = || async move { fetched.ok_or_else(broken) };
    let kept = cache.get(at(now), fetch).await;
    kept.map(|kept| kept.access_key_id.clone())
        .map_err(|error| error.to_string())
}

#[tokio::test]
async fn what_does_not_expire_is_fetched_once() {
    let cache = Cache::default();
    assert_eq!(cache.access_key_id(), None);
    assert_eq!(
        ask(&cache, 0, Some(keys("one", None))).await.unwrap(),
        "one"
    );
    assert_eq!(ask(&cache, 1 << 40, None).await.unwrap(), "one");
    assert_eq!(cache.access_key_id().as_deref(), Some("one"));
}

#[tokio::test]
async fn credentials_are_renewed_before_they_expire() {
    let cache = Cache::default();
    let one = Some(keys("one", Some(3_600)));
    assert_eq!(ask(&cache, 0, one).await.unwrap(), "one");
    assert_eq!(ask(&cache, 3_299, None).await.unwrap(), "one", "still good");
    let two = Some(keys("two", Some(7_200)));
    assert_eq!(ask(&cache, 3_300, two).await.unwrap(), "two");
}

#[tokio::test]
async fn a_renewal_that_fails_is_tried_again_after_a_while() {
    let cache = Cache::default();
    let one = Some(keys("one", Some(1_000)));
    assert_eq!(ask(&cache, 0, one).await.unwrap(), "one");
    assert_eq!(
        ask(&cache, 800, None).await.unwrap(),
        "one",
        "the old ones do"
    );
    let two = || Some(keys("two", Some(9_000)));
    assert_eq!(ask(&cache, 829, two()).await.unwrap(), "one", "not yet");
    assert_eq!(ask(&cache, 830, two()).await.unwrap(), "two");
}

#[tokio::test]
async fn what_has_expired_is_not_used() {
    let cache = Cache::default();
    let one = Some(keys("one", Some(1_000)));
    assert_eq!(ask(&cache, 0, one).await.unwrap(), "one");
    let error = ask(&cache, 1_000, None).await.unwrap_err();
    assert_eq!(error, "AWS credentials could not be fetched");
    let two = Some(keys("two", Some(9_000)));
    assert_eq!(ask(&cache, 1_000, two).await.unwrap(), "two");
}

#[tokio::test]
async fn one_fetches_for_all_who_wait() {
    let cache = Arc::new(Cache::default());
    let (count, gate) = (Arc::new(AtomicU32::new(0)), Arc::new(Semaphore::new(0)));
    let ask = || {
        let (cache, count, gate) = (Arc::clone(&cache), Arc::clone(&count), Arc::clone(&gate));
        async move {
            let fetch = || async move {
                count.fetch_add(1, Ordering::SeqCst);
                let _pass = gate.acquire().await;
                Ok(keys("one", None))
            };
            cache.get(START, fetch).await.unwrap().access_key_id.clone()
        }
    };
    let open = async { gate.add_permits(1) };
    let (one, two, three, ()) = tokio::join!(ask(), ask(), ask(), open);
    assert_eq!([one, two, three], ["one"; 3].map(str::to_owned));
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_failure_is_shared_by_all_who_waited() {
    let cache = Cache::default();
    let count = AtomicU32::new(0);
    let ask = || {
        let count = &count;
        cache.get(START, move || async move {
            count.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            Err(broken())
        })
    };
    let (one, two) = tokio::join!(ask(), ask());
    assert!(one.is_err() && two.is_err());
    assert_eq!(count.load(Ordering::SeqCst), 1);
    assert!(ask().await.is_err());
    assert_eq!(
        count.load(Ordering::SeqCst),
        2,
        "who comes later tries again"
    );
}

#[tokio::test(start_paused = true)]
async fn fetching_takes_thirty_seconds_at_most() {
    let cache = Cache::default();
    let error = cache.get(START, std::future::pending).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "AWS credentials did not come within 30 s"
    );
}

#[tokio::test]
async fn a_caller_who_leaves_hands_over() {
    let cache = Cache::default();
    let never = cache.get(START, std::future::pending);
    let left = tokio::select! {
        biased;
        _ = never => false,
        () = tokio::task::yield_now() => true,
    };
    assert!(left);
    let one = Some(keys("one", None));
    assert_eq!(ask(&cache, 0, one).await.unwrap(), "one");
}

#[tokio::test]
async fn rejected_credentials_are_fetched_again_unless_they_are_new() {
    let cache = Cache::default();
    assert_eq!(
        ask(&cache, 0, Some(keys("one", None))).await.unwrap(),
        "one"
    );
    let one = cache.kept.lock().clone().unwrap();
    cache.reject(&one, at(29));
    assert_eq!(ask(&cache, 29, None).await.unwrap(), "one", "they are new");
    let another = Arc::new(Kept::new(keys("one", None), at(0)));
    cache.reject(&another, at(30));
    assert_eq!(
        ask(&cache, 30, None).await.unwrap(),
        "one",
        "it was another"
    );
    cache.reject(&one, at(30));
    assert_eq!(
        ask(&cache, 30, Some(keys("two", None))).await.unwrap(),
        "two"
    );
}

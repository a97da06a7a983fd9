//! Callers who leave at every point of an answer, and what is remembered of it.

mod answers;

use std::sync::Arc;
use std::time::Duration;

use bridge_auth::RequestSource;
use bridge_gateway::InProcess;
use bridge_intercept::{AftercareLimits, OnAbort};
use bridge_record::{Event, Outcome, TokenUsage};
use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tokio::net::TcpStream;
use tokio::sync::Notify;

use self::answers::{DIALECTS, Dialect, MESSAGES, TRUE};
use crate::support::{Script, Setup, Step, World, chunk, open, parse, take_ready, until, zipped};

const KEY: &str = "Authorization: Bearer alice-key";
const BODY: &[u8] =
    br#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"q"}],"input":"q"}"#;

const STREAM: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
                      Transfer-Encoding: chunked\r\n\r\n";

fn sent(event: &str) -> Step {
    Step::Send(chunk(event.as_bytes()))
}

/// The head and these events.
fn begun(events: &[&str]) -> Script {
    let head = Step::Send(STREAM.into());
    std::iter::once(head)
        .chain(events.iter().map(|event| sent(event)))
        .collect()
}

/// A whole answer, in two halves between which something happens.
fn halves(whole: &str, between: Step) -> Script {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        whole.len()
    );
    let (first, rest) = whole.split_at(whole.len() / 2);
    vec![
        Step::Send((head + first).into_bytes()),
        between,
        Step::Send(rest.into()),
    ]
}

fn reading_on(script: Script) -> Setup {
    let mut setup = Setup::playing(vec![script]);
    setup.intercept.on_abort = OnAbort::ReadOn(AftercareLimits::default());
    setup
}

fn limited(script: Script, change: impl FnOnce(&mut AftercareLimits)) -> Setup {
    let mut limits = AftercareLimits::default();
    change(&mut limits);
    let mut setup = Setup::playing(vec![script]);
    setup.intercept.on_abort = OnAbort::ReadOn(limits);
    setup
}

async fn ask(world: &World, path: &str) -> TcpStream {
    open(
        world.address,
        &[&format!("POST {path} HTTP/1.1"), KEY],
        BODY,
    )
    .await
}

/// Waits until the caller has the head and this body, and goes away.
async fn leave_after(stream: TcpStream, body: impl AsRef<[u8]>) {
    let mut bytes = Vec::new();
    loop {
        take_ready(&stream, &mut bytes);
        let reply = parse(&bytes);
        if reply.status != 0 && reply.body == body.as_ref() {
            return;
        }
        tokio::task::yield_now().await;
    }
}

/// The one end there is, once nothing runs any more.
async fn the_end(world: &World) -> Outcome {
    world.ended(1).await;
    let is_quiet = |text: &str| {
        text.contains("bridge_connections_open 0\n")
            && text.contains("bridge_aftercare_running 0\n")
    };
    until(|| is_quiet(&world.metrics.expose())).await;
    let ended = world.ended(1).await;
    assert_eq!(ended.len(), 1, "ended once");
    assert!(matches!(world.events().last(), Some(Event::Ended(_))));
    assert_eq!(
        (ended[0].error_type, &ended[0].error_message),
        (None, &None)
    );
    ended[0].outcome
}

fn the_tokens(world: &World) -> Option<TokenUsage> {
    let mut tokens = world.tokens();
    assert!(tokens.len() <= 1, "{tokens:?}");
    tokens.pop()
}

fn figures(tokens: &TokenUsage) -> (u64, u64, u64) {
    (tokens.input, tokens.cache_read, tokens.output)
}

/// The outcome for a caller who has so many events.
fn outcome_after(dialect: &Dialect, count: usize) -> Outcome {
    if count >= dialect.complete {
        Outcome::Completed
    } else {
        Outcome::Aborted
    }
}

#[tokio::test]
async fn wherever_a_caller_leaves_the_call_is_stopped_and_what_is_known_is_recorded() {
    for dialect in DIALECTS {
        let mut before = 0;
        for count in 0..=dialect.events.len() {
            let events = &dialect.events[..count];
            let mut script = begun(events);
            script.push(Step::Hang);
            let world = World::playing(vec![script]).await;
            let stream = ask(&world, dialect.path).await;
            leave_after(stream, &events.concat()).await;
            let row = format!("{} after {count}", dialect.path);
            assert_eq!(
                the_end(&world).await,
                outcome_after(dialect, count),
                "{row}"
            );
            until(|| world.provider.deserted() == 1).await;
            let Some(tokens) = the_tokens(&world) else {
                // Nothing was told, and nothing of the model's words was relayed.
                assert!(
                    before == 0 && !(dialect.tells_input_early && count > 0),
                    "{row}"
                );
                continue;
            };
            if tokens.partial {
                let told = if dialect.tells_input_early {
                    (5, 7)
                } else {
                    (0, 0)
                };
                assert_eq!((tokens.input, tokens.cache_read), told, "{row}");
                assert!(
                    tokens.output > 0 && tokens.output >= before,
                    "{row}: {tokens:?}"
                );
                assert!(tokens.output <= TRUE.2, "{row}: {tokens:?}");
                assert!(tokens.estimated || tokens.output == 1, "{row}: {tokens:?}");
                before = tokens.output;
            } else {
                assert_eq!((figures(&tokens), tokens.estimated), (TRUE, false), "{row}");
            }
        }
        // By the end the estimate was near.
        assert!(before * 3 >= TRUE.2, "{}: {before}", dialect.path);
    }
}

#[tokio::test]
async fn wherever_a_caller_leaves_reading_on_learns_the_figures() {
    for dialect in DIALECTS {
        for count in 0..=dialect.events.len() {
            let gate = Arc::new(Notify::new());
            let (events, rest) = dialect.events.split_at(count);
            let mut script = begun(events);
            script.push(Step::Wait(gate.clone()));
            script.extend(rest.iter().map(|event| sent(event)));
            // Nobody waits for the provider to end the stream.
            script.push(Step::Hang);
            let world = World::with(reading_on(script)).await;
            let stream = ask(&world, dialect.path).await;
            leave_after(stream, &events.concat()).await;
            if count < dialect.events.len() {
                let text = "bridge_aftercare_running 1\n";
                until(|| world.metrics.expose().contains(text)).await;
                assert_eq!(world.tokens(), []);
            }
            gate.notify_one();
            let row = format!("{} after {count}", dialect.path);
            assert_eq!(
                the_end(&world).await,
                outcome_after(dialect, count),
                "{row}"
            );
            let tokens = the_tokens(&world).unwrap();
            let marks = (tokens.partial, tokens.estimated);
            assert_eq!((figures(&tokens), marks), (TRUE, (false, false)), "{row}");
            until(|| world.provider.deserted() == 1).await;
        }
    }
}

#[tokio::test]
async fn a_caller_who_leaves_before_a_whole_answer_or_in_it() {
    for dialect in DIALECTS {
        let gate = Arc::new(Notify::new());
        for is_begun in [false, true] {
            let leave = async |world: &World| {
                let stream = ask(world, dialect.path).await;
                if is_begun {
                    let whole = dialect.whole;
                    leave_after(stream, &whole[..whole.len() / 2]).await;
                } else {
                    until(|| world.provider.seen().len() == 1).await;
                    drop(stream);
                }
            };
            let mut hanging = halves(dialect.whole, Step::Hang);
            let mut waiting = halves(dialect.whole, Step::Wait(gate.clone()));
            if !is_begun {
                hanging.insert(0, Step::Hang);
                waiting.insert(0, Step::Wait(gate.clone()));
                waiting.remove(2);
            }
            let world = World::playing(vec![hanging]).await;
            leave(&world).await;
            assert_eq!(the_end(&world).await, Outcome::Aborted);
            until(|| world.provider.deserted() == 1).await;
            if let Some(tokens) = the_tokens(&world) {
                assert!(is_begun && tokens.partial && tokens.estimated);
            }
            let world = World::with(reading_on(waiting)).await;
            leave(&world).await;
            let text = "bridge_aftercare_running 1\n";
            until(|| world.metrics.expose().contains(text)).await;
            gate.notify_one();
            assert_eq!(the_end(&world).await, Outcome::Aborted);
            let tokens = the_tokens(&world).unwrap();
            assert_eq!((figures(&tokens), tokens.partial), (TRUE, false));
        }
    }
}

#[tokio::test]
async fn what_the_provider_refuses_to_nobody_is_recorded_as_aborted() {
    let gate = Arc::new(Notify::new());
    let refusal = "HTTP/1.1 429 Too Many\r\nContent-Type: application/json\r\n\
                   Content-Length: 2\r\n\r\n{}";
    for last in [Step::Send(refusal.into()), Step::Reset] {
        let status = matches!(last, Step::Send(_)).then_some(429);
        let script = vec![Step::Wait(gate.clone()), last];
        let world = World::with(reading_on(script)).await;
        let stream = ask(&world, MESSAGES.path).await;
        until(|| world.provider.seen().len() == 1).await;
        drop(stream);
        let text = "bridge_aftercare_running 1\n";
        until(|| world.metrics.expose().contains(text)).await;
        gate.notify_one();
        assert_eq!(the_end(&world).await, Outcome::Aborted);
        assert_eq!(world.ended(1).await[0].provider_status, status);
    }
}

/// A caller has left in the middle; the provider goes on with these steps.
async fn left_in_the_middle(setup: Setup) -> World {
    let world = World::with(setup).await;
    let stream = ask(&world, MESSAGES.path).await;
    leave_after(stream, &MESSAGES.events[..5].concat()).await;
    world
}

/// As far as it was heard, and given up for this reason.
async fn check_given_up(world: &World, kind: &str) {
    assert_eq!(the_end(world).await, Outcome::Aborted);
    until(|| world.provider.deserted() == 1).await;
    let tokens = the_tokens(world).unwrap();
    assert!(
        tokens.partial && tokens.estimated && tokens.output > 1,
        "{tokens:?}"
    );
    let text = format!("bridge_aftercare_total{{kind=\"{kind}\"}} 1\n");
    assert!(world.metrics.expose().contains(&text), "{text}");
}

fn five_events(then: impl IntoIterator<Item = Step>) -> Script {
    let mut script = begun(&MESSAGES.events[..5]);
    script.extend(then);
    script
}

#[tokio::test]
async fn reading_on_is_bounded_in_time() {
    let setup = limited(five_events([Step::Hang]), |limits| {
        limits.time = Duration::from_millis(1);
    });
    check_given_up(&left_in_the_middle(setup).await, "out_of_time").await;
}

#[tokio::test]
async fn reading_on_is_bounded_in_bytes() {
    let gate = Arc::new(Notify::new());
    let rest = [
        Step::Wait(gate.clone()),
        sent(MESSAGES.events[5]),
        sent(MESSAGES.events[5]),
        Step::Hang,
    ];
    let setup = limited(five_events(rest), |limits| {
        limits.bytes = MESSAGES.events[5].len() + 1;
    });
    let world = left_in_the_middle(setup).await;
    gate.notify_one();
    check_given_up(&world, "too_large").await;
}

#[tokio::test]
async fn only_so_many_are_read_on_at_once() {
    let setup = limited(five_events([Step::Hang]), |limits| limits.at_once = 1);
    let world = left_in_the_middle(setup).await;
    let text = "bridge_aftercare_running 1\n";
    until(|| world.metrics.expose().contains(text)).await;
    let stream = ask(&world, MESSAGES.path).await;
    leave_after(stream, &MESSAGES.events[..5].concat()).await;
    // The second ends at once, the first goes on.
    assert_eq!(world.ended(1).await[0].outcome, Outcome::Aborted);
    until(|| world.provider.deserted() == 1).await;
    let exposed = world.metrics.expose();
    assert!(exposed.contains(text), "{exposed}");
    assert!(exposed.contains("bridge_aftercare_total{kind=\"refused\"} 1\n"));
}

#[tokio::test]
async fn shutting_down_ends_what_is_read_on_and_it_is_recorded() {
    let mut world = left_in_the_middle(reading_on(five_events([Step::Hang]))).await;
    let text = "bridge_aftercare_running 1\n";
    until(|| world.metrics.expose().contains(text)).await;
    world.gateway.begin_drain();
    world.serving.take().unwrap().join().await.unwrap();
    // It is recorded by the time the gateway has ended, before anybody closes the recorder.
    assert_eq!(world.events().len(), 5, "{:?}", world.events());
    check_given_up(&world, "stopped").await;
}

#[tokio::test]
async fn turns_that_are_cut_are_not_read_on() {
    let mut setup = reading_on(five_events([Step::Hang]));
    setup.patience = Duration::ZERO;
    let mut world = World::with(setup).await;
    let _stream = ask(&world, MESSAGES.path).await;
    until(|| world.provider.seen().len() == 1).await;
    world.cutoff.begin();
    world.gateway.begin_drain();
    world.serving.take().unwrap().join().await.unwrap();
    assert_eq!(the_end(&world).await, Outcome::Cut);
    until(|| world.provider.deserted() == 1).await;
}

#[tokio::test]
async fn what_is_not_recorded_is_not_read_on() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{";
    let script = vec![Step::Send(head.into()), Step::Hang];
    let world = World::with(reading_on(script)).await;
    let line = "GET /anthropic/v1/models HTTP/1.1";
    let stream = open(world.address, &[line, KEY], b"").await;
    leave_after(stream, "{").await;
    until(|| world.provider.deserted() == 1).await;
    assert!(!world.metrics.expose().contains("bridge_aftercare_total{"));
}

#[tokio::test]
async fn what_is_relayed_compressed_is_measured_all_the_same() {
    for dialect in DIALECTS {
        let pieces = zipped(dialect.events);
        let head = STREAM.replace("\r\n\r\n", "\r\nContent-Encoding: gzip\r\n\r\n");
        let mut script = vec![Step::Send(head.into_bytes())];
        script.extend(pieces[..5].iter().map(|piece| Step::Send(chunk(piece))));
        script.push(Step::Hang);
        let world = World::playing(vec![script]).await;
        let stream = ask(&world, dialect.path).await;
        leave_after(stream, pieces[..5].concat()).await;
        assert_eq!(the_end(&world).await, Outcome::Aborted);
        let tokens = the_tokens(&world).unwrap();
        assert!(tokens.estimated && tokens.output > 10, "{tokens:?}");
    }
}

#[tokio::test]
async fn a_body_that_is_dropped_outside_the_runtime_is_given_up() {
    let world = World::with(reading_on(five_events([Step::Hang]))).await;
    let host = InProcess::new(world.gateway.clone(), world.seal.clone());
    let source = RequestSource::new("agents").unwrap();
    let transport = host.transport_for("anthropic", source).unwrap();
    let request = Request::post("/v1/messages").body(Full::new(Bytes::from_static(BODY)));
    let answer = transport.send("alice-id", request.unwrap()).await.unwrap();
    std::thread::spawn(move || drop(answer)).join().unwrap();
    assert_eq!(the_end(&world).await, Outcome::Aborted);
    until(|| world.provider.deserted() == 1).await;
}

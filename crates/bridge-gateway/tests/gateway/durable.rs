//! Nothing of an answer's end is passed on before its records are safe, and nothing else waits.

use std::sync::Arc;

use bridge_record::{Event, Outcome};
use tokio::net::TcpStream;
use tokio::sync::Notify;

use crate::support::{
    Reply, Script, Setup, Step, World, chunk, open, parse, read_reply, take_ready, until, zipped,
};

const KEY: &str = "Authorization: Bearer alice-key";

/// A dialect: where it is spoken, a stream's events with the last word at the end, and a whole
/// answer in two parts.
struct Dialect {
    path: &'static str,
    events: [&'static str; 3],
    whole: [&'static str; 2],
}

const DIALECTS: [Dialect; 3] = [
    Dialect {
        path: "/anthropic/v1/messages",
        events: [
            "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"usage\":{\"input_tokens\":5,\"output_tokens\":1}}}\n\n",
            "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":12}}\n\n",
            "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
        ],
        whole: [
            "{\"id\":\"m\",\"content\":[],\"stop_reason\":\"end_turn\",",
            "\"usage\":{\"input_tokens\":5,\"output_tokens\":12}}",
        ],
    },
    Dialect {
        path: "/openai/v1/chat/completions",
        events: [
            "data: {\"id\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}\n\n",
            "data: {\"id\":\"m\",\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":12}}\n\n",
            "data: [DONE]\n\n",
        ],
        whole: [
            "{\"id\":\"m\",\"choices\":[{\"index\":0,\"message\":{\"content\":\"hi\"},\"finish_reason\":\"stop\"}],",
            "\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":12}}\n",
        ],
    },
    Dialect {
        path: "/openai/v1/responses",
        events: [
            "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"m\"}}\n\n",
            "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"hi\"}\n\n",
            "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"m\",\"status\":\"completed\",\"output\":[],\"usage\":{\"input_tokens\":5,\"output_tokens\":12}}}\n\n",
        ],
        whole: [
            "{\"id\":\"m\",\"status\":\"completed\",\"output\":[],",
            "\"usage\":{\"input_tokens\":5,\"output_tokens\":12}}",
        ],
    },
];

/// An answer on its way, as far as the caller has it.
struct Caller {
    stream: TcpStream,
    bytes: Vec<u8>,
}

impl Caller {
    async fn ask(world: &World, path: &str) -> Self {
        let line = format!("POST {path} HTTP/1.1");
        let body = br#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"q"}],"input":"q"}"#;
        Self {
            stream: open(world.address, &[&line, KEY], body).await,
            bytes: Vec::new(),
        }
    }

    /// What has come by now.
    fn so_far(&mut self) -> Reply {
        take_ready(&self.stream, &mut self.bytes);
        parse(&self.bytes)
    }

    /// The whole answer.
    async fn finish(mut self) -> Reply {
        let _rest = read_rest(&mut self.stream, &mut self.bytes).await;
        parse(&self.bytes)
    }
}

async fn read_rest(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> std::io::Result<usize> {
    tokio::io::AsyncReadExt::read_to_end(stream, bytes).await
}

fn plain(pieces: &[&str]) -> Vec<Vec<u8>> {
    pieces
        .iter()
        .map(|piece| piece.as_bytes().to_vec())
        .collect()
}

/// These pieces as chunks, and the end of them in the same write as the last.
fn chunked(content_type: &str, encoding: &str, pieces: &[Vec<u8>]) -> Script {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Encoding: {encoding}\r\n\
         Transfer-Encoding: chunked\r\n\r\n"
    );
    let mut script = vec![Step::Send(head.into_bytes())];
    script.extend(pieces.iter().map(|piece| Step::Send(chunk(piece))));
    script.push(Step::Send(b"0\r\n\r\n".to_vec()));
    script
}

fn measured(status: &str, encoding: &str, pieces: &[Vec<u8>]) -> Script {
    let length: usize = pieces.iter().map(Vec::len).sum();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Encoding: {encoding}\r\n\
         Content-Length: {length}\r\n\r\n"
    );
    let pieces = pieces.iter().cloned().map(Step::Send);
    std::iter::once(Step::Send(head.into_bytes()))
        .chain(pieces)
        .collect()
}

async fn unsettled(script: Script) -> World {
    let mut setup = Setup::playing(vec![script]);
    setup.is_unsettled = true;
    World::with(setup).await
}

/// Everything is recorded while the caller still lacks the end. Says how much the caller has.
async fn check_end_waits(world: &World, caller: &mut Caller, outcome: Outcome) -> Vec<u8> {
    until(|| world.settling() == 1).await;
    let events = world.events();
    let Some(Event::Ended(ended)) = events.last() else {
        panic!("not ended: {events:?}");
    };
    assert_eq!(ended.outcome, outcome);
    let reply = caller.so_far();
    assert!(!reply.is_whole, "{}: {}", reply.head, reply.text());
    reply.body
}

#[tokio::test]
async fn the_last_word_of_a_stream_waits_and_nothing_before_it() {
    for dialect in &DIALECTS {
        for (encoding, pieces) in [
            ("identity", plain(&dialect.events)),
            ("gzip", zipped(&dialect.events)),
        ] {
            let script = chunked("text/event-stream", encoding, &pieces);
            let world = unsettled(script).await;
            let mut caller = Caller::ask(&world, dialect.path).await;
            let had = check_end_waits(&world, &mut caller, Outcome::Completed).await;
            assert_eq!(had, pieces[..2].concat(), "{} {encoding}", dialect.path);
            assert_eq!(world.tokens()[0].output, 12, "{}", dialect.path);
            world.settle();
            let reply = caller.finish().await;
            assert_eq!((reply.body, reply.is_whole), (pieces.concat(), true));
            assert_eq!((world.settling(), world.ended(1).await.len()), (1, 1));
        }
    }
}

#[tokio::test]
async fn the_last_byte_of_a_whole_answer_waits() {
    for dialect in &DIALECTS {
        for (encoding, pieces) in [
            ("identity", plain(&dialect.whole)),
            ("gzip", zipped(&dialect.whole)),
        ] {
            for script in [
                measured("200 OK", encoding, &pieces),
                chunked("application/json", encoding, &pieces),
            ] {
                let world = unsettled(script).await;
                let mut caller = Caller::ask(&world, dialect.path).await;
                let had = check_end_waits(&world, &mut caller, Outcome::Completed).await;
                let whole = pieces.concat();
                assert!(had.len() < whole.len() && whole.starts_with(&had));
                assert_eq!(world.tokens()[0].output, 12, "{}", dialect.path);
                world.settle();
                let reply = caller.finish().await;
                assert_eq!((reply.body, reply.is_whole), (whole, true));
            }
        }
    }
}

#[tokio::test]
async fn all_but_the_last_byte_goes_on_at_once() {
    let gate = Arc::new(Notify::new());
    let pieces = plain(&DIALECTS[0].whole);
    let whole = pieces.concat();
    for (mut script, had) in [
        (measured("200 OK", "identity", &pieces), pieces[0].len()),
        // Without a length any byte may be the last.
        (
            chunked("application/json", "identity", &pieces),
            pieces[0].len() - 1,
        ),
    ] {
        script.insert(2, Step::Wait(gate.clone()));
        let world = unsettled(script).await;
        let mut caller = Caller::ask(&world, DIALECTS[0].path).await;
        while caller.so_far().body.len() < had {
            tokio::task::yield_now().await;
        }
        assert_eq!(caller.so_far().body, whole[..had]);
        gate.notify_one();
        until(|| world.settling() == 1).await;
        world.settle();
        let reply = caller.finish().await;
        assert_eq!((reply.body, reply.is_whole), (whole.clone(), true));
    }
}

#[tokio::test]
async fn a_stream_without_a_last_word_does_not_end_before_its_records_are_safe() {
    let [first, usage, _] = DIALECTS[1].events;
    let pieces = plain(&[first, usage]);
    let world = unsettled(chunked("text/event-stream", "identity", &pieces)).await;
    let mut caller = Caller::ask(&world, DIALECTS[1].path).await;
    let had = check_end_waits(&world, &mut caller, Outcome::Completed).await;
    assert_eq!(had, pieces.concat());
    world.settle();
    assert!(caller.finish().await.is_whole);
}

#[tokio::test]
async fn news_of_a_failure_waits_too() {
    let events = plain(&DIALECTS[0].events[..1]);
    let mut broken = chunked("text/event-stream", "identity", &events);
    *broken.last_mut().unwrap() = Step::Close;
    let world = unsettled(broken).await;
    let mut caller = Caller::ask(&world, DIALECTS[0].path).await;
    let had = check_end_waits(&world, &mut caller, Outcome::Failed).await;
    assert_eq!(had, events.concat());
    world.settle();
    assert!(caller.finish().await.text().contains("event: error\n"));
    let refusal = plain(&[
        r#"{"type":"error","error":{"type":"#,
        r#""e","message":"m"}}"#,
    ]);
    let html = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 1\r\n\r\nx";
    for (script, status) in [
        (measured("429 Too Many", "identity", &refusal), 429),
        (measured("429 Too Many", "identity", &[]), 429),
        (vec![Step::Close], 502),
        (vec![Step::Send(html.to_vec())], 502),
        (measured("200 OK", "identity", &[]), 502),
    ] {
        let world = unsettled(script).await;
        let mut caller = Caller::ask(&world, DIALECTS[0].path).await;
        check_end_waits(&world, &mut caller, Outcome::Failed).await;
        world.settle();
        let reply = caller.finish().await;
        assert_eq!((reply.status, reply.is_whole), (status, true));
    }
}

#[tokio::test]
async fn the_last_word_does_not_wait_for_the_end_and_what_follows_it_passes() {
    for dialect in &DIALECTS {
        let gate = Arc::new(Notify::new());
        let pieces = plain(&dialect.events);
        let mut script = chunked("text/event-stream", "identity", &pieces);
        script.pop();
        let odd = b": more\n\nhalf an eve".to_vec();
        script.extend([
            Step::Wait(gate.clone()),
            Step::Send(chunk(&odd)),
            Step::Hang,
        ]);
        let world = World::playing(vec![script]).await;
        let mut caller = Caller::ask(&world, dialect.path).await;
        let whole = pieces.concat();
        while caller.so_far().body != whole {
            tokio::task::yield_now().await;
        }
        assert_eq!(world.ended(1).await[0].outcome, Outcome::Completed);
        gate.notify_one();
        let more = [whole, odd].concat();
        while caller.so_far().body != more {
            tokio::task::yield_now().await;
        }
        drop(caller);
        until(|| world.provider.deserted() == 1).await;
        assert_eq!(world.ended(1).await.len(), 1);
    }
}

#[tokio::test]
async fn a_caller_who_leaves_while_the_end_waits_had_a_complete_answer() {
    let pieces = plain(&DIALECTS[0].events);
    let world = unsettled(chunked("text/event-stream", "identity", &pieces)).await;
    let mut caller = Caller::ask(&world, DIALECTS[0].path).await;
    check_end_waits(&world, &mut caller, Outcome::Completed).await;
    drop(caller);
    let text = "bridge_connections_open 0";
    until(|| world.metrics.expose().contains(text)).await;
    assert_eq!(world.ended(1).await.len(), 1);
}

#[tokio::test]
async fn what_is_not_recorded_does_not_wait() {
    let world = unsettled(measured("200 OK", "identity", &plain(&["{}"]))).await;
    let line = "GET /anthropic/v1/models HTTP/1.1";
    let mut stream = open(world.address, &[line, KEY], b"").await;
    assert!(read_reply(&mut stream).await.is_whole);
}

#[tokio::test]
async fn however_an_answer_is_cut_it_arrives_whole_and_recorded() {
    for dialect in &DIALECTS {
        let bodies = [
            ("text/event-stream", "identity", plain(&dialect.events)),
            ("text/event-stream", "gzip", zipped(&dialect.events)),
            ("application/json", "identity", plain(&dialect.whole)),
            ("application/json", "gzip", zipped(&dialect.whole)),
        ];
        for (content_type, encoding, pieces) in bodies {
            let body = pieces.concat();
            let sizes = [1, 2, 7, 64, body.len()];
            let cut = |size: usize| -> Vec<Vec<u8>> { body.chunks(size).map(Vec::from).collect() };
            let scripts = sizes.map(|size| chunked(content_type, encoding, &cut(size)));
            let world = World::playing(scripts.into()).await;
            for (turns, size) in (1..).zip(sizes) {
                let reply = Caller::ask(&world, dialect.path).await.finish().await;
                let row = format!("{} {content_type} {encoding} by {size}", dialect.path);
                assert_eq!((reply.body, reply.is_whole), (body.clone(), true), "{row}");
                // The answer has arrived, so nothing is waited for.
                assert_eq!(world.tokens().len(), turns, "{row}");
                assert!(
                    matches!(world.events().last(), Some(Event::Ended(_))),
                    "{row}"
                );
            }
        }
    }
}

//! What providers say, step by step.

use crate::support::{Script, Step, chunk, sse};

use super::site::Site;
use super::voice::{Manner, Voice};

pub(super) fn plays(script: Script) -> Site {
    Site::Plays(vec![script])
}

pub(super) fn send(text: &str) -> Step {
    Step::Send(text.as_bytes().to_vec())
}

/// What it says when nothing is wrong.
pub(super) fn well(voice: &Voice, manner: Manner) -> Script {
    match manner {
        Manner::Blocking => whole(voice.answer),
        Manner::Streaming => sse(&voice.events),
    }
}

/// A whole answer.
pub(super) fn whole(body: &str) -> Script {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    );
    vec![send(&head), send(body)]
}

pub(super) fn dripped(script: Script) -> Script {
    let drops = script.into_iter().flat_map(|step| match step {
        Step::Send(bytes) => bytes
            .into_iter()
            .map(|byte| Step::Send(vec![byte]))
            .collect(),
        other @ (Step::Wait(_) | Step::Reset | Step::Close | Step::Hang) => vec![other],
    });
    drops.collect()
}

/// The head of a good answer.
pub(super) fn head(manner: Manner) -> Step {
    send(match manner {
        Manner::Blocking => {
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 200\r\n\r\n"
        }
        Manner::Streaming => {
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
             Transfer-Encoding: chunked\r\n\r\n"
        }
    })
}

/// Two events of an answer, perhaps a part of the next, and then this.
pub(super) fn begun(voice: &Voice, manner: Manner, in_event: bool, last: Step) -> Script {
    let mut script = vec![head(manner)];
    match manner {
        Manner::Blocking => script.push(send(&voice.answer[..60])),
        Manner::Streaming => {
            let [first, second, third] = voice.events;
            script.push(Step::Send(chunk(first.as_bytes())));
            script.push(Step::Send(chunk(second.as_bytes())));
            if in_event {
                script.push(Step::Send(chunk(&third.as_bytes()[..20])));
            }
        }
    }
    script.push(last);
    script
}

pub(super) fn page(status: &str) -> Script {
    let body = "<!doctype html><title>Oh</title>";
    let length = body.len();
    vec![send(&format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {length}\r\n\r\n{body}"
    ))]
}

pub(super) fn refusal(voice: &Voice, status: &str, headers: &str) -> Site {
    let (body, length) = (voice.error, voice.error.len());
    plays(vec![send(&format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
         {headers}\r\n{body}"
    ))])
}

//! Providers that cannot be reached, break off, stall, or say what is no answer.

use crate::matrix::play::{begun, dripped, head, page, plays, send, well, whole};
use crate::matrix::site::Site;
use crate::matrix::voice::Manner;
use crate::support::{Step, chunk, sse, zipped};

use super::{Fault, fault};

pub(super) const BREAKS: &[Fault] = &[
    fault("none", "It answers.", |voice, manner| {
        plays(well(voice, manner))
    }),
    fault("drip", "It answers one byte at a time.", |voice, manner| {
        plays(dripped(well(voice, manner)))
    }),
    // Before a request can leave.
    fault("refused", "Nobody listens at its port.", |_, _| {
        Site::Refusing
    }),
    fault("no name", "Its host name leads nowhere.", |_, _| {
        Site::Nameless
    }),
    fault("no TLS", "It speaks no TLS where it should.", |_, _| {
        Site::Speechless
    }),
    fault(
        "unknown certificate",
        "Nobody trusts its certificate.",
        |_, _| Site::Untrusted,
    ),
    fault(
        "silent handshake",
        "It says nothing when TLS begins.",
        |_, _| Site::Mute,
    ),
    // Before the head.
    fault(
        "reset before the head",
        "It resets the connection when it has read the request.",
        |_, _| plays(vec![Step::Reset]),
    ),
    fault(
        "closed before the head",
        "It closes the connection when it has read the request.",
        |_, _| plays(vec![Step::Close]),
    ),
    fault(
        "half a head",
        "It closes the connection in the middle of the head.",
        |_, _| plays(vec![send("HTTP/1.1 200 OK\r\nContent-Ty"), Step::Close]),
    ),
    fault(
        "no HTTP",
        "It answers with something that is no HTTP.",
        |_, _| plays(vec![send("this is no HTTP\r\n\r\n"), Step::Close]),
    ),
    fault(
        "endless head",
        "Its head is larger than a head may be.",
        |_, _| {
            let name = "x".repeat(1_000);
            let lines = (0..1_000).map(|number| format!("X-{number}: {name}\r\n"));
            let lines: String = lines.collect();
            plays(vec![send("HTTP/1.1 200 OK\r\n"), send(&lines), Step::Close])
        },
    ),
    fault(
        "stall before the head",
        "It says nothing for longer than it may.",
        |_, _| plays(vec![Step::Hang]),
    ),
    // After the head.
    fault(
        "reset after the head",
        "It resets the connection behind the head.",
        |_, manner| plays(vec![head(manner), Step::Reset]),
    ),
    fault(
        "closed after the head",
        "It closes the connection behind the head.",
        |_, manner| plays(vec![head(manner), Step::Close]),
    ),
    fault(
        "stall after the head",
        "It says nothing behind the head for longer than it may.",
        |_, manner| plays(vec![head(manner), Step::Hang]),
    ),
    fault(
        "reset between events",
        "It resets the connection behind whole events; in a blocking answer, in its middle.",
        |voice, manner| plays(begun(voice, manner, false, Step::Reset)),
    ),
    fault(
        "reset in mid-event",
        "It resets the connection in the middle of an event.",
        |voice, manner| plays(begun(voice, manner, true, Step::Reset)),
    ),
    fault(
        "closed in mid-event",
        "It closes the connection in the middle of an event.",
        |voice, manner| plays(begun(voice, manner, true, Step::Close)),
    ),
    fault(
        "stall in the middle",
        "It says nothing for longer than it may, behind whole events.",
        |voice, manner| plays(begun(voice, manner, false, Step::Hang)),
    ),
    fault(
        "no last word",
        "The answer ends properly, as far as HTTP knows, and too early.",
        |voice, manner| {
            plays(match manner {
                Manner::Blocking => whole(&voice.answer[..40]),
                Manner::Streaming => sse(&voice.events[..2]),
            })
        },
    ),
    fault(
        "error event",
        "A stream under 200 tells an error; a blocking answer under 200 is one.",
        |voice, manner| {
            plays(match manner {
                Manner::Blocking => whole(voice.error),
                Manner::Streaming => sse(&[voice.events[0], voice.events[1], voice.error_event]),
            })
        },
    ),
    fault(
        "error event first",
        "A stream under 200 begins with an error.",
        |voice, manner| {
            plays(match manner {
                Manner::Blocking => whole(voice.error),
                Manner::Streaming => sse(&[voice.error_event]),
            })
        },
    ),
    fault(
        "truncated JSON",
        "A whole answer is cut, and its length says so.",
        |voice, _| {
            let length = voice.answer.len();
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
            );
            plays(vec![send(&head), send(&voice.answer[..40]), Step::Close])
        },
    ),
    fault(
        "garbled compression",
        "A whole answer says that it is gzip, and is not.",
        |_, _| {
            plays(vec![send(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n\
             Content-Length: 9\r\n\r\nno gzip!!",
            )])
        },
    ),
    fault(
        "compressed and cut",
        "A compressed answer is cut, and HTTP does not know.",
        |voice, manner| {
            let kind = match manner {
                Manner::Blocking => "application/json",
                Manner::Streaming => "text/event-stream",
            };
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Encoding: gzip\r\n\
             Transfer-Encoding: chunked\r\n\r\n"
            );
            let whole = voice.whole(manner);
            let first = zipped(&[whole.as_str(), ""]).swap_remove(0);
            let cut = &first[..first.len() / 2];
            plays(vec![send(&head), Step::Send(chunk(cut)), send("0\r\n\r\n")])
        },
    ),
    // What is no answer.
    fault(
        "web page",
        "It answers with a web page under 200.",
        |_, _| plays(page("200 OK")),
    ),
    fault(
        "web page under 502",
        "A proxy before it answers with a web page under 502.",
        |_, _| plays(page("502 Bad Gateway")),
    ),
    fault("empty", "It answers with nothing under 200.", |_, _| {
        plays(whole(""))
    }),
    fault("no content", "It answers with 204.", |_, _| {
        plays(vec![send("HTTP/1.1 204 No Content\r\n\r\n")])
    }),
    fault("redirect", "It sends the caller elsewhere.", |_, _| {
        plays(vec![send(
            "HTTP/1.1 307 Elsewhere\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n",
        )])
    }),
    fault(
        "unknown encoding",
        "It encodes its answer as nobody can read.",
        |_, _| {
            plays(vec![send(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: lzma\r\n\
             Content-Length: 1\r\n\r\nx",
            )])
        },
    ),
    fault(
        "whole instead of a stream",
        "It answers whole though a stream was asked for, and the other way round.",
        |voice, manner| {
            plays(match manner {
                Manner::Blocking => sse(&voice.events),
                Manner::Streaming => whole(voice.answer),
            })
        },
    ),
];

//! What providers do wrong.

use crate::support::{Step, chunk, sse, zipped};

use super::play::{begun, dripped, head, page, plays, refusal, send, well, whole};
use super::site::Site;
use super::voice::{Manner, Voice};

/// One way to fail.
pub(super) struct Fault {
    /// A name for it, unique.
    pub(super) name: &'static str,
    /// What the provider does, as a sentence.
    pub(super) does: &'static str,
    /// How often it is asked. The last time is looked at.
    pub(super) asked: usize,
    site: fn(&Voice, Manner) -> Site,
}

impl Fault {
    pub(super) fn site(&self, voice: &Voice, manner: Manner) -> Site {
        (self.site)(voice, manner)
    }
}

const fn fault(name: &'static str, does: &'static str, site: fn(&Voice, Manner) -> Site) -> Fault {
    Fault {
        name,
        does,
        asked: 1,
        site,
    }
}

/// One that is looked at when a caller comes again.
const fn again(name: &'static str, does: &'static str, site: fn(&Voice, Manner) -> Site) -> Fault {
    Fault {
        asked: 2,
        ..fault(name, does, site)
    }
}

pub(super) const FAULTS: &[Fault] = &[
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
        "The answer ends properly, as far as HTTP knows, and too early. Its framing is believed, so nothing is added; the record tells.",
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
    // Refusals.
    fault("400", "It refuses with 400.", |voice, _| {
        refusal(voice, "400 Bad Request", "")
    }),
    fault("401", "It refuses with 401.", |voice, _| {
        refusal(voice, "401 Unauthorized", "")
    }),
    fault("403", "It refuses with 403.", |voice, _| {
        refusal(voice, "403 Forbidden", "")
    }),
    fault("404", "It refuses with 404.", |voice, _| {
        refusal(voice, "404 Not Found", "")
    }),
    fault("408", "It refuses with 408.", |voice, _| {
        refusal(voice, "408 Request Timeout", "")
    }),
    fault("409", "It refuses with 409.", |voice, _| {
        refusal(voice, "409 Conflict", "")
    }),
    fault("413", "It refuses with 413.", |voice, _| {
        refusal(voice, "413 Too Large", "")
    }),
    fault("422", "It refuses with 422.", |voice, _| {
        refusal(voice, "422 Unprocessable", "")
    }),
    fault(
        "429",
        "It refuses with 429 and no word of when to come again.",
        |voice, _| refusal(voice, "429 Too Many Requests", ""),
    ),
    fault(
        "429, seconds",
        "It refuses with 429 and `retry-after: 30`.",
        |voice, _| refusal(voice, "429 Too Many Requests", "retry-after: 30\r\n"),
    ),
    fault(
        "429, milliseconds",
        "It refuses with 429 and `retry-after-ms: 30000`.",
        |voice, _| refusal(voice, "429 Too Many Requests", "retry-after-ms: 30000\r\n"),
    ),
    fault(
        "429, date",
        "It refuses with 429 and a `retry-after` that is a date.",
        |voice, _| {
            refusal(
                voice,
                "429 Too Many Requests",
                "retry-after: Thu, 31 Dec 2099 23:59:59 GMT\r\n",
            )
        },
    ),
    fault(
        "429, garbled",
        "It refuses with 429 and a `retry-after` that nobody understands.",
        |voice, _| refusal(voice, "429 Too Many Requests", "retry-after: soon\r\n"),
    ),
    fault("500", "It refuses with 500.", |voice, _| {
        refusal(voice, "500 Oh", "")
    }),
    fault("502", "It refuses with 502.", |voice, _| {
        refusal(voice, "502 Bad Gateway", "")
    }),
    fault("503", "It refuses with 503.", |voice, _| {
        refusal(voice, "503 Unavailable", "")
    }),
    fault(
        "503, seconds",
        "It refuses with 503 and `retry-after: 30`, which is longer than is waited for.",
        |voice, _| refusal(voice, "503 Unavailable", "retry-after: 30\r\n"),
    ),
    fault("504", "It refuses with 504.", |voice, _| {
        refusal(voice, "504 Gateway Timeout", "")
    }),
    fault("529", "It refuses with 529.", |voice, _| {
        refusal(voice, "529 Overloaded", "")
    }),
    fault(
        "500, do not retry",
        "It refuses with 500 and `x-should-retry: false`.",
        |voice, _| refusal(voice, "500 Oh", "x-should-retry: false\r\n"),
    ),
    fault(
        "400, retry",
        "It refuses with 400 and `x-should-retry: true`.",
        |voice, _| refusal(voice, "400 Bad Request", "x-should-retry: true\r\n"),
    ),
    fault(
        "refusal that breaks off",
        "Its refusal with 400 is cut in the middle.",
        |_, _| {
            plays(vec![
                send(
                    "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n\
                 Content-Length: 99\r\n\r\n{\"error\":",
                ),
                Step::Close,
            ])
        },
    ),
    fault(
        "503 once",
        "It refuses with 503 once, then it answers.",
        |voice, manner| {
            let Site::Plays(mut scripts) =
                refusal(voice, "503 Unavailable", "retry-after-ms: 1\r\n")
            else {
                panic!("a refusal is played");
            };
            scripts.push(well(voice, manner));
            Site::Plays(scripts)
        },
    ),
    again(
        "429 before",
        "It has refused the request before with 429 and `retry-after: 30`.",
        |voice, _| refusal(voice, "429 Too Many Requests", "retry-after: 30\r\n"),
    ),
    again(
        "401 before",
        "It has refused the request before with 401.",
        |voice, _| refusal(voice, "401 Unauthorized", ""),
    ),
    again(
        "504 before",
        "It has refused the request before with 504, which opens the breaker here.",
        |voice, _| refusal(voice, "504 Gateway Timeout", ""),
    ),
];

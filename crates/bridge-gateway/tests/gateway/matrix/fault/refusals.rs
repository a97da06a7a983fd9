//! Providers that refuse, break off over HTTP/2, or are asked more than once.

use h2::Reason;

use crate::matrix::http2::{Broken, End};
use crate::matrix::play::{plays, refusal, send, well};
use crate::matrix::site::Site;
use crate::support::Step;

use super::{Fault, again, fault, refuses};

pub(super) const REFUSALS: &[Fault] = &[
    // Refusals.
    refuses("400", "It refuses with 400.", "400 Bad Request", ""),
    refuses("401", "It refuses with 401.", "401 Unauthorized", ""),
    refuses("403", "It refuses with 403.", "403 Forbidden", ""),
    refuses("404", "It refuses with 404.", "404 Not Found", ""),
    refuses("408", "It refuses with 408.", "408 Request Timeout", ""),
    refuses("409", "It refuses with 409.", "409 Conflict", ""),
    refuses("413", "It refuses with 413.", "413 Too Large", ""),
    refuses("422", "It refuses with 422.", "422 Unprocessable", ""),
    refuses(
        "429",
        "It refuses with 429 and no word of when to come again.",
        "429 Too Many Requests",
        "",
    ),
    refuses(
        "429, seconds",
        "It refuses with 429 and `retry-after: 30`.",
        "429 Too Many Requests",
        "retry-after: 30\r\n",
    ),
    refuses(
        "429, milliseconds",
        "It refuses with 429 and `retry-after-ms: 30000`.",
        "429 Too Many Requests",
        "retry-after-ms: 30000\r\n",
    ),
    refuses(
        "429, date",
        "It refuses with 429 and a `retry-after` that is a date.",
        "429 Too Many Requests",
        "retry-after: Thu, 31 Dec 2099 23:59:59 GMT\r\n",
    ),
    refuses(
        "429, garbled",
        "It refuses with 429 and a `retry-after` that nobody understands.",
        "429 Too Many Requests",
        "retry-after: soon\r\n",
    ),
    refuses("500", "It refuses with 500.", "500 Oh", ""),
    refuses("502", "It refuses with 502.", "502 Bad Gateway", ""),
    refuses("503", "It refuses with 503.", "503 Unavailable", ""),
    refuses(
        "503, seconds",
        "It refuses with 503 and `retry-after: 30`, which is longer than is waited for.",
        "503 Unavailable",
        "retry-after: 30\r\n",
    ),
    refuses("504", "It refuses with 504.", "504 Gateway Timeout", ""),
    refuses("529", "It refuses with 529.", "529 Overloaded", ""),
    refuses(
        "500, do not retry",
        "It refuses with 500 and `x-should-retry: false`.",
        "500 Oh",
        "x-should-retry: false\r\n",
    ),
    refuses(
        "400, retry",
        "It refuses with 400 and `x-should-retry: true`.",
        "400 Bad Request",
        "x-should-retry: true\r\n",
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
    // Over HTTP/2.
    fault(
        "HTTP/2, refused",
        "It refuses to look at the stream (`REFUSED_STREAM`).",
        |_, manner| Site::Http2(Broken::silent(manner, End::Reset(Reason::REFUSED_STREAM))),
    ),
    fault(
        "HTTP/2, reset before the head",
        "It resets the stream and nothing else.",
        |_, manner| Site::Http2(Broken::silent(manner, End::Reset(Reason::INTERNAL_ERROR))),
    ),
    fault(
        "HTTP/2, reset in mid-event",
        "It resets the stream in the middle of an event.",
        |voice, manner| {
            Site::Http2(Broken::begun(
                voice,
                manner,
                End::Reset(Reason::INTERNAL_ERROR),
            ))
        },
    ),
    fault(
        "HTTP/2, going away in mid-event",
        "It gives the connection up in the middle of an event.",
        |voice, manner| {
            Site::Http2(Broken::begun(
                voice,
                manner,
                End::GoesAway(Reason::INTERNAL_ERROR),
            ))
        },
    ),
    fault(
        "HTTP/2, no last word",
        "The stream ends properly, as far as HTTP knows, and too early.",
        |voice, manner| Site::Http2(Broken::early(voice, manner)),
    ),
    // More than one attempt.
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
    again(refuses(
        "429 before",
        "It has refused the request before with 429 and `retry-after: 30`.",
        "429 Too Many Requests",
        "retry-after: 30\r\n",
    )),
    again(refuses(
        "401 before",
        "It has refused the request before with 401.",
        "401 Unauthorized",
        "",
    )),
    again(refuses(
        "504 before",
        "It has refused the request before with 504, which opens the breaker here.",
        "504 Gateway Timeout",
        "",
    )),
];

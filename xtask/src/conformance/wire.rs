//! What reaches the provider, and what reaches the client.

use super::bedrock::Wanted;
use super::exchange::{Exchange, Mode};
use super::provider::{KEPT, REMOVED};
use super::{OWN_KEY, instance, signature};
use crate::digest::sha256;
use crate::gateway::request as head;
use crate::http1::{Head, Message};

/// Headers of a client that reach the provider as they are.
const TRAVEL: [(&str, &str); 8] = [
    ("content-type", "application/json"),
    ("user-agent", "conformance/1"),
    ("anthropic-version", "2023-06-01"),
    (
        "anthropic-beta",
        "interleaved-thinking-2025-05-14,effort-2025-11-24,context-management-2025-06-27,\
         prompt-caching-scope-2026-01-05",
    ),
    ("editor-version", "conformance/1"),
    ("copilot-integration-id", "conformance"),
    ("x-stainless-retry-count", "0"),
    ("x-unknown-of-tomorrow", "kept"),
];

/// Headers of a client that never reach a provider.
const STAY: [(&str, &str); 9] = [
    ("cookie", "session=of-the-client"),
    ("forwarded", "for=192.0.2.1"),
    ("x-forwarded-for", "192.0.2.1"),
    ("x-forwarded-host", "gateway.test"),
    ("x-real-ip", "192.0.2.1"),
    (
        "x-coder-ai-governance-request-id",
        "correlation-of-the-proxy",
    ),
    ("x-ai-bridge-actor-id", "forged"),
    ("x-ai-bridge-actor-metadata-username", "forged"),
    ("proxy-authorization", "Basic forged"),
];

/// The request of an exchange, with the gateway's key where its client would put it.
pub(super) fn request(exchange: &Exchange, session: &str, key: &str) -> Head {
    let (method, target, _) = exchange.instance.way(exchange.api);
    let mut request = head(method, &target, &TRAVEL);
    let mut add = |name: &str, value: &str| {
        request.headers.push((name.to_owned(), value.to_owned()));
    };
    for (name, value) in STAY {
        add(name, value);
    }
    add("session-id", session);
    match exchange.mode {
        Mode::Central => {
            let (name, value) = exchange.instance.credential(key);
            add(name, &value);
        }
        Mode::Own => {
            add("X-Coder-AI-Governance-Token", key);
            let (name, value) = exchange.instance.credential(OWN_KEY);
            add(name, &value);
        }
    }
    request
}

/// Compares what the client got with what the provider said.
pub(super) fn check_client(exchange: &Exchange, got: &Message, differences: &mut Vec<String>) {
    let answer = &exchange.answer;
    if got.head.status() != answer.status {
        let status = got.head.status();
        differences.push(format!("client: status {status}, not {}", answer.status));
    }
    same_bytes("client", &got.body, &answer.body, differences);
    let said = answer
        .headers
        .iter()
        .map(|(name, value)| (&**name, &**value));
    for (name, value) in said.chain(KEPT) {
        kept("client", &got.head, name, value, differences);
    }
    for (name, _) in REMOVED {
        gone("client", &got.head, name, differences);
    }
}

/// Compares what the provider got with what the client sent.
pub(super) fn check_provider(
    exchange: &Exchange,
    sent: &Head,
    seen: &[Message],
    key: &str,
    differences: &mut Vec<String>,
) {
    let [got] = seen else {
        differences.push(format!("provider: asked {} times, not once", seen.len()));
        return;
    };
    let (method, _, target) = exchange.instance.way(exchange.api);
    let target = match &exchange.spoken {
        Some(spoken) => spoken.target.clone(),
        None => target,
    };
    if got.head.word(0) != method || got.head.word(1) != target {
        let line = &got.head.first_line;
        differences.push(format!("provider: {line}, not {method} {target}"));
    }
    match exchange.spoken.as_ref().map(|spoken| &spoken.body) {
        None => same_bytes("provider", &got.body, &exchange.request, differences),
        Some(Wanted::Bytes(body)) => same_bytes("provider", &got.body, body, differences),
        Some(Wanted::Json(wanted)) => {
            let body: serde_json::Value = serde_json::from_slice(&got.body).unwrap_or_default();
            if body != *wanted {
                differences.push(format!("provider: {body}, not {wanted}"));
            }
        }
    }
    for (name, value) in TRAVEL {
        // In Bedrock's requests version and flags stand in the body.
        match exchange.spoken.is_some() && name.starts_with("anthropic-") {
            true => gone("provider", &got.head, name, differences),
            false => kept("provider", &got.head, name, value, differences),
        }
    }
    for (name, _) in STAY {
        gone("provider", &got.head, name, differences);
    }
    check_credentials(exchange, got, key, differences);
    let known =
        |name: &str| sent.header(name).is_some() || ["host", "content-length"].contains(&name);
    // Bedrock is told what to answer with.
    let may_accept = exchange.spoken.is_some();
    let strange = got
        .head
        .headers
        .iter()
        .map(|(name, _)| name.to_ascii_lowercase());
    let strange = strange.filter(|name| !(may_accept && name == "accept"));
    for name in strange.filter(|name| !known(name) && !is_credential(name)) {
        differences.push(format!("provider: header {name} comes from nowhere"));
    }
}

fn is_credential(name: &str) -> bool {
    ["authorization", "x-api-key", "api-key"].contains(&name) || name.starts_with("x-amz-")
}

fn check_credentials(
    exchange: &Exchange,
    message: &Message,
    key: &str,
    differences: &mut Vec<String>,
) {
    let got = &message.head;
    if let Some(aws) = &exchange.instance.aws {
        if let Some(problem) = signature::problem(aws, message) {
            differences.push(format!("provider: the signature: {problem}"));
        }
        let token = got.header("x-amz-security-token");
        if token != aws.session_token {
            differences.push("provider: the session token is not the sender's".to_owned());
        }
        gone("provider", got, "x-api-key", differences);
        return strangers(key, aws.session_token.unwrap_or_default(), got, differences);
    }
    let wanted = match exchange.mode {
        Mode::Central => exchange.instance.key.unwrap_or_default(),
        Mode::Own => OWN_KEY,
    };
    let (name, value) = exchange.instance.presented(exchange.mode, wanted);
    kept("provider", got, name, &value, differences);
    strangers(key, wanted, got, differences);
}

/// No credential but this one is in any header.
fn strangers(key: &str, wanted: &str, got: &Head, differences: &mut Vec<String>) {
    let operators = instance::ALL.iter().flat_map(|it| it.secrets());
    let others = [key, OWN_KEY].into_iter().chain(operators);
    for other in others.filter(|other| *other != wanted) {
        let mut headers = got.headers.iter();
        if let Some((name, _)) = headers.find(|(_, value)| value.contains(other)) {
            differences.push(format!(
                "provider: {name} holds a credential of somebody else"
            ));
        }
    }
}

fn same_bytes(whom: &str, got: &[u8], wanted: &[u8], differences: &mut Vec<String>) {
    if sha256(got) == sha256(wanted) {
        return;
    }
    let at = got.iter().zip(wanted).position(|(a, b)| a != b);
    let at = at.unwrap_or_else(|| got.len().min(wanted.len()));
    differences.push(format!(
        "{whom}: {} bytes with SHA-256 {}, not {} with {}; the first difference is at {at}: {}",
        got.len(),
        sha256(got),
        wanted.len(),
        sha256(wanted),
        excerpt(got, at)
    ));
}

/// What stands from there on, for whoever looks for the cause.
fn excerpt(bytes: &[u8], at: usize) -> String {
    let rest = bytes.get(at..).unwrap_or_default();
    let near = rest.get(..160).unwrap_or(rest);
    format!("{:?}", String::from_utf8_lossy(near))
}

fn kept(whom: &str, head: &Head, name: &str, value: &str, differences: &mut Vec<String>) {
    match head.header(name) {
        Some(got) if got == value => {}
        Some(_) => differences.push(format!("{whom}: header {name} was changed")),
        None => differences.push(format!("{whom}: header {name} is missing")),
    }
}

fn gone(whom: &str, head: &Head, name: &str, differences: &mut Vec<String>) {
    if head.header(name).is_some() {
        differences.push(format!("{whom}: header {name} came through"));
    }
}

#[cfg(test)]
mod tests {
    use super::super::exchange::Api;
    use super::super::instance::ANTHROPIC;
    use super::super::provider::Answer;
    use super::*;

    fn exchange(mode: Mode) -> Exchange {
        Exchange {
            name: "made/up".to_owned(),
            instance: &ANTHROPIC,
            api: Api::Messages,
            mode,
            is_streaming: false,
            request: b"asked".to_vec(),
            answer: Answer::of_section("{}", false),
            spoken: None,
            expected: None,
        }
    }

    /// What a provider gets from a gateway that does everything right.
    fn right(exchange: &Exchange) -> Message {
        let mut got = head("POST", "/v1/messages?beta=true", &TRAVEL);
        got.headers
            .push(("host".to_owned(), "provider.test".to_owned()));
        let key = match exchange.mode {
            Mode::Central => ANTHROPIC.key.unwrap(),
            Mode::Own => OWN_KEY,
        };
        got.headers.push(("x-api-key".to_owned(), key.to_owned()));
        Message {
            head: got,
            body: exchange.request.clone(),
        }
    }

    fn check(mode: Mode, expected: &[&str], spoil: impl FnOnce(&mut Vec<Message>)) {
        let exchange = exchange(mode);
        let mut seen = vec![right(&exchange)];
        spoil(&mut seen);
        let mut differences = Vec::new();
        let sent = request(&exchange, "a-session", "gateway-key");
        check_provider(&exchange, &sent, &seen, "gateway-key", &mut differences);
        let begins = |(got, wanted): (&String, &&str)| got.starts_with(*wanted);
        assert!(
            differences.len() == expected.len() && differences.iter().zip(expected).all(begins),
            "{differences:?}"
        );
    }

    #[test]
    fn each_difference_at_the_provider_is_told() {
        let push = |seen: &mut Vec<Message>, name: &str, value: &str| {
            seen[0]
                .head
                .headers
                .push((name.to_owned(), value.to_owned()));
        };
        check(Mode::Central, &[], |_| {});
        check(Mode::Own, &[], |_| {});
        check(Mode::Own, &["provider: asked 0 times"], Vec::clear);
        check(Mode::Own, &["provider: 6 bytes"], |seen| {
            seen[0].body.push(b'!');
        });
        check(Mode::Own, &["provider: POST /v1/messages HTTP"], |seen| {
            seen[0].head.first_line = "POST /v1/messages HTTP/1.1".to_owned();
        });
        check(
            Mode::Own,
            &["provider: header anthropic-beta is missing"],
            |seen| {
                seen[0]
                    .head
                    .headers
                    .retain(|(name, _)| name != "anthropic-beta");
            },
        );
        check(
            Mode::Own,
            &["provider: header cookie came through"],
            |seen| {
                push(seen, "Cookie", "a=b");
            },
        );
        check(
            Mode::Own,
            &["provider: header x-made-up comes from nowhere"],
            |seen| {
                push(seen, "x-made-up", "1");
            },
        );
        let held = "provider: session-id holds a credential of somebody else";
        check(Mode::Central, &[held], |seen| {
            push(seen, "session-id", "gateway-key");
        });
        check(
            Mode::Central,
            &["provider: header x-api-key is missing"],
            |seen| {
                seen[0].head.headers.retain(|(name, _)| name != "x-api-key");
            },
        );
    }

    #[test]
    fn each_difference_at_the_client_is_told() {
        let exchange = exchange(Mode::Central);
        let mut got = Message {
            head: head("HTTP/1.1", "200", &KEPT),
            body: b"{}".to_vec(),
        };
        got.head.first_line = "HTTP/1.1 200 OK".to_owned();
        got.head
            .headers
            .push(("content-type".to_owned(), "application/json".to_owned()));
        let told = |got: &Message| {
            let mut differences = Vec::new();
            check_client(&exchange, got, &mut differences);
            differences.len()
        };
        assert_eq!(told(&got), 0);
        let spoiled = |spoil: fn(&mut Message)| {
            let mut got = got.clone();
            spoil(&mut got);
            told(&got)
        };
        assert_eq!(
            spoiled(|got| got.head.first_line = "HTTP/1.1 500 Bad".to_owned()),
            1
        );
        assert_eq!(spoiled(|got| got.body.clear()), 1);
        assert_eq!(spoiled(|got| drop(got.head.headers.remove(1))), 1);
        assert_eq!(
            spoiled(|got| got
                .head
                .headers
                .push(("Set-Cookie".to_owned(), "a=b".to_owned()))),
            1
        );
    }
}

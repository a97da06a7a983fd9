//! The same over Amazon Bedrock: edits, signatures and frames in every round.

use bridge_record::Outcome;
use bridge_stream::EventStreamMessage;

use super::stage::{KEY, Stage};
use super::voice::{Call, Dialect, Says};
use crate::support::{Script, Step, call, chunk, is_signed};

const CALLS: [Call; 1] = [("call_1", "bmcp_docs_find", "{}")];

/// An answer of a round, as Bedrock streams it: each event in a message of its own.
fn framed(id: &str, says: Says<'_>) -> Script {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.amazon.eventstream\r\n\
                Transfer-Encoding: chunked\r\n\r\n";
    let mut script = vec![Step::Send(head.into())];
    for event in Dialect::Anthropic.events(id, says) {
        let data = event.lines().find_map(|line| line.strip_prefix("data: "));
        let data = data_encoding::BASE64.encode(data.unwrap().as_bytes());
        let payload = format!(r#"{{"bytes":"{data}","p":"abc"}}"#);
        let headers = [
            (":event-type", "chunk"),
            (":content-type", "application/json"),
            (":message-type", "event"),
        ];
        let mut message = Vec::new();
        assert!(EventStreamMessage::write(
            &headers,
            payload.as_bytes(),
            &mut message
        ));
        script.push(Step::Send(chunk(&message)));
    }
    script.push(Step::Send(b"0\r\n\r\n".to_vec()));
    script
}

#[tokio::test]
async fn rounds_go_over_invoke_model_and_over_mantle() {
    let dialect = Dialect::Anthropic;
    for (provider, is_stream) in [
        ("bedrock", true),
        ("bedrock", false),
        ("mantle", true),
        ("mantle", false),
    ] {
        let (first, second) = (Says::Calls("well", &CALLS), Says::Text("done"));
        let scripts = if provider == "bedrock" && is_stream {
            vec![framed("first", first), framed("second", second)]
        } else {
            let answer = |id, says| dialect.answer(is_stream, id, says);
            vec![answer("first", first), answer("second", second)]
        };
        let stage = Stage::playing(scripts).await;
        let line = format!("POST /{provider}/v1/messages HTTP/1.1");
        let lines = [line.as_str(), KEY, "anthropic-beta: context-1m-2025-08-07"];
        let body = dialect.request(is_stream);
        let reply = call(stage.world.address, &lines, body.as_bytes()).await;
        let text = reply.text();
        assert_eq!((reply.status, reply.is_whole), (200, true), "{text}");
        assert!(text.contains("well") && text.contains("done"), "{text}");
        assert!(!text.contains("bmcp_"), "{text}");
        assert_eq!(
            text.matches("event: message_stop").count(),
            usize::from(is_stream)
        );
        let ended = stage.world.ended(1).await.remove(0);
        assert_eq!(ended.outcome, Outcome::Completed);
        let [first, second] = stage.world.provider.seen().try_into().unwrap();
        let target = |head: &str| head.lines().next().unwrap().to_owned();
        assert_eq!(target(&first.head), target(&second.head));
        let service = if provider == "mantle" {
            "bedrock-mantle"
        } else {
            "bedrock"
        };
        for seen in [&first, &second] {
            let scope = format!("eu-central-1/{service}");
            let is_good = is_signed(seen, "BEDROCKID", "bedrock secret", &scope);
            assert!(is_good, "{provider} {}", seen.head);
        }
        let [first, second] = stage.asked().try_into().unwrap();
        for same in ["model", "anthropic_version", "anthropic_beta", "tools"] {
            assert_eq!(first[same], second[same], "{provider} {same}");
        }
        assert_eq!(second["messages"].as_array().unwrap().len(), 3, "{second}");
        let tokens: u64 = stage.world.tokens().iter().map(|it| it.output).sum();
        assert_eq!((stage.used().len(), tokens), (1, 6));
    }
}

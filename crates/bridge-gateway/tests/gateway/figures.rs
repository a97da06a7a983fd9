//! What operators are told of interceptions, and under which names.

use bridge_telemetry::LabelLimits;

use crate::support::{World, call, json, until};

const ANSWER: &str = r#"{"id":"msg_1","type":"message","role":"assistant","model":"m-1","content":[{"type":"tool_use","id":"t","name":"Bash","input":{}}],"stop_reason":"tool_use","usage":{"input_tokens":3,"output_tokens":4}}"#;
const UNKNOWN: &str =
    r#"{"type":"error","error":{"type":"not_found_error","message":"model: m-9"}}"#;

async fn ask(world: &World, model: &str) -> u16 {
    let body = format!(
        r#"{{"model":"{model}","max_tokens":9,"messages":[{{"role":"user","content":"hello"}}]}}"#
    );
    let lines = [
        "POST /anthropic/v1/messages HTTP/1.1",
        "X-Api-Key: alice-key",
    ];
    call(world.address, &lines, body.as_bytes()).await.status
}

async fn check(world: &World, sample: &str) {
    until(|| world.metrics.expose().lines().any(|line| line == sample)).await;
}

fn ended(model: &str, outcome: &str, count: u32) -> String {
    format!(
        "bridge_interceptions_total{{provider=\"anthropic\",model=\"{model}\",\
         route=\"/v1/messages\",client=\"Unknown\",outcome=\"{outcome}\"}} {count}"
    )
}

#[tokio::test]
async fn a_model_that_its_provider_refuses_gets_no_label() {
    let scripts = vec![json("404 Not Found", UNKNOWN), json("200 OK", ANSWER)];
    let world = World::playing(scripts).await;
    assert_eq!(ask(&world, "m-9").await, 404);
    check(&world, &ended("other", "failed", 1)).await;
    assert_eq!(ask(&world, "m-1").await, 200);
    check(&world, &ended("m-1", "completed", 1)).await;
    let of = "provider=\"anthropic\",model=\"m-1\"";
    for sample in [
        format!("bridge_prompts_total{{{of},client=\"Unknown\"}} 1"),
        format!("bridge_tokens_total{{{of},client=\"Unknown\",kind=\"input\"}} 3"),
        format!("bridge_tokens_total{{{of},client=\"Unknown\",kind=\"output\"}} 4"),
        format!("bridge_tool_selections_total{{{of},tool=\"Bash\"}} 1"),
        format!("bridge_interception_duration_seconds_count{{{of}}} 1"),
    ] {
        check(&world, &sample).await;
    }
    let exposed = world.metrics.expose();
    assert!(!exposed.contains("m-9"), "{exposed}");
    let running = "bridge_interceptions_inflight{";
    let running = exposed.lines().filter(|line| line.starts_with(running));
    assert!(running.clone().count() > 0);
    assert!(
        running.clone().all(|line| line.ends_with(" 0")),
        "{exposed}"
    );
}

#[tokio::test]
async fn models_beyond_the_limit_are_counted_together() {
    let world = World::playing(vec![json("200 OK", ANSWER); 3]).await;
    world.metrics.limit_labels(LabelLimits {
        models: 1,
        ..LabelLimits::default()
    });
    for model in ["m-1", "m-2", "m-3"] {
        assert_eq!(ask(&world, model).await, 200);
    }
    check(&world, &ended("m-1", "completed", 1)).await;
    check(&world, &ended("other", "completed", 2)).await;
    check(&world, "bridge_label_names{label=\"model\"} 1").await;
    check(&world, "bridge_label_names_folded_total{label=\"model\"} 2").await;
}

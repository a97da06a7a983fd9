//! Central tools, from the operator's command to the record of a call.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use bridge_simulate::{
    SimulateConfig, SimulatedTool, Simulator, ToolServer, ToolServerConfig, ToolServerSeen,
};
use bridge_telemetry::discard;
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::apart::{control, gateway, gateway_key, until_ready};
use crate::support::{HeldProvider, Program, Serving, Start, connect, until};

/// What the tool says, and the answer of the model quotes.
const SAID: &str = "one workspace: lighthouse";

/// A provider and a tool server that live as long as the test.
struct Outside {
    runtime: Runtime,
    provider: Simulator,
    tools: ToolServer,
}

impl Outside {
    /// The tool server asks for this token, if any.
    fn start(token: Option<&str>) -> Self {
        let runtime = Runtime::new().unwrap();
        let config = SimulateConfig {
            keep_bodies: true,
            ..SimulateConfig::default()
        };
        let serving = ToolServerConfig {
            tools: vec![SimulatedTool::text("list_workspaces", SAID)],
            expected_token: token.map(str::to_owned),
            ..ToolServerConfig::default()
        };
        let logger = discard();
        let (provider, tools) = runtime.block_on(async {
            let provider = Simulator::bind(config, &logger).await.unwrap();
            (provider, ToolServer::bind(serving, &logger).await.unwrap())
        });
        Self {
            runtime,
            provider,
            tools,
        }
    }

    /// A server of ours that leads to the provider.
    fn server<'s>(&self, program: &'s Program) -> Start<'s> {
        Start {
            program,
            settings: self.settings(""),
            command: vec!["serve".to_owned()],
            socket: None,
            variables: Vec::new(),
        }
    }

    fn settings(&self, more: &str) -> String {
        let url = self.provider.base_url_anthropic();
        format!(
            "{more}[[providers]]\nname = \"anthropic\"\ntype = \"anthropic\"\n\
             base_url = \"{url}\"\napi_keys = [\"operator-key\"]\n"
        )
    }

    /// Whether the request that the provider saw last had tools of ours.
    fn was_offered(&self) -> bool {
        let seen = self.provider.seen();
        let last = seen.last().unwrap();
        let body = last.body.as_ref().unwrap();
        memchr::memmem::find(body, b"\"bmcp_").is_some()
    }

    fn wait_for(&self, wanted: impl FnMut(&ToolServerSeen) -> bool) {
        self.runtime.block_on(self.tools.wait_for(wanted));
    }
}

/// Asks for a stream, which may be read from what is given back.
fn send(serving: &Serving, key: &str, orders: &str) -> TcpStream {
    let body = format!(
        "{{\"model\":\"claude-sonnet-4-5\",\"max_tokens\":100,\"stream\":true,\
         \"messages\":[{{\"role\":\"user\",\"content\":\"look around {orders}\"}}]}}"
    );
    let mut stream = connect(serving.gateway);
    let request = format!(
        "POST /anthropic/v1/messages HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer {key}\r\n\
         Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

/// Asks for a stream. The model is ordered to call a tool of ours if it has one.
fn ask(serving: &Serving, key: &str) -> String {
    let orders = "simulate:tool=bmcp_*_list_workspaces {\\\"owner\\\":\\\"ada\\\"}";
    let mut answer = String::new();
    let mut stream = send(serving, key, orders);
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Asks again and again until the answer is that of a turn that used the tool.
fn until_used(serving: &Serving, key: &str) -> String {
    until("an answer that used the tool", || {
        Some(ask(serving, key)).filter(|answer| answer.contains("lighthouse"))
    })
}

/// The newest recorded request with a call of an injected tool.
fn injected(operator: &Serving, home: &Program) -> Value {
    until("the record of an injected call", || {
        let list = operator.ask(home, &["interceptions", "list"]);
        let mut ended = list.as_array()?.iter();
        let id = ended.find(|one| one["tool_calls"] == 1 && one["status"] == "completed")?;
        Some(operator.ask(home, &["interceptions", "show", id["id"].as_str()?]))
    })
}

/// How the gateway finds its only tool server.
fn status(serving: &Serving, program: &Program) -> Option<Value> {
    let status = serving.ask(program, &["tool-server", "status"]);
    let servers = status.as_array().unwrap();
    assert!(servers.len() < 2, "{status}");
    servers.first().cloned()
}

/// What a gateway and its control plane do with tools, whether they are one process or two.
fn tools_come_and_go(
    outside: &Outside,
    serving: &Serving,
    operator: (&Serving, &Program),
    home: &Program,
) {
    let (control, office) = operator;
    let key = control.key(office);
    let plain = ask(serving, &key);
    assert!(plain.starts_with("HTTP/1.1 200"), "{plain}");
    assert!(!outside.was_offered());
    assert_eq!(status(serving, home), None);

    let url = outside.tools.url();
    let with_key = format!("{url}?key=is-not-recorded");
    let create = ["tool-server", "create", "docs", "--url", &with_key];
    control.operate(office, &create).unwrap();
    let answer = until_used(serving, &key);
    assert!(answer.contains("event: message_stop"), "{answer}");
    assert!(!answer.contains("bmcp_"), "{answer}");

    let record = injected(control, office);
    let tool = &record["tools"][0];
    assert_eq!(tool["tool"], "list_workspaces");
    assert_eq!(
        (&tool["server"], &tool["server_url"]),
        (&"docs".into(), &url.as_str().into())
    );
    assert_eq!(
        (&tool["injected"], &tool["invocation_error"]),
        (&true.into(), &Value::Null)
    );
    assert!(tool["duration_ms"].is_u64(), "{tool}");
    assert_eq!(
        record["tokens"].as_array().unwrap().len(),
        2,
        "one for each round"
    );
    let id = record["id"].as_str().unwrap();
    let shown = control
        .operate(office, &["interceptions", "show", id])
        .unwrap();
    let told = "injected tool call: list_workspaces (function) of docs";
    assert!(shown.contains(told), "{shown}");

    let found = status(serving, home).unwrap();
    assert_eq!(
        (&found["name"], &found["status"]),
        (&"docs".into(), &"open".into())
    );
    assert_eq!(
        (&found["url"], &found["tools"]),
        (&url.as_str().into(), &1.into())
    );
    let told = serving.operate(home, &["tool-server", "status"]).unwrap();
    assert!(told.contains("docs") && told.contains("1 open"), "{told}");
    let metrics = serving.get("/metrics");
    for sample in [
        "server=\"docs\",tool=\"list_workspaces\",outcome=\"answered\"} ",
        "bridge_tool_server_sessions{server=\"docs\",state=\"open\"} 1",
        "bridge_tool_offers_total{kind=\"made\"} ",
    ] {
        assert!(metrics.contains(sample), "{sample} is not in\n{metrics}");
    }

    // A server that is switched off is gone for the callers who are here.
    control
        .operate(office, &["tool-server", "update", "docs", "--disable"])
        .unwrap();
    until("a request without tools", || {
        ask(serving, &key);
        (!outside.was_offered()).then_some(())
    });
    outside.wait_for(|seen| seen.sessions_ended == seen.sessions_begun);
}

#[test]
fn a_tool_server_gives_its_tools_to_agents_and_its_calls_are_recorded() {
    let (outside, program) = (Outside::start(None), Program::new());
    let mut serving = outside.server(&program).run();
    tools_come_and_go(&outside, &serving, (&serving, &program), &program);
    serving.signal("TERM");
    assert_eq!(serving.ended().code(), Some(0));
}

#[test]
fn gateways_apart_hear_of_tool_servers() {
    let outside = Outside::start(None);
    let (office, home) = (Program::new(), Program::new());
    let mut start = control(&office, &HeldProvider::start());
    start.settings = outside.settings("");
    let plane = start.run();
    let url = format!("http://127.0.0.1:{}", plane.gateway.port());
    let key = gateway_key(&plane, &office, "north");
    let serving = gateway(&home, &url, &key).run();
    until_ready(&serving);
    tools_come_and_go(&outside, &serving, (&plane, &office), &home);
    let elsewhere = plane
        .operate(&office, &["tool-server", "status"])
        .unwrap_err();
    assert!(
        elsewhere.contains("of a gateway (--admin-url)"),
        "{elsewhere}"
    );
}

#[test]
fn tokens_of_users_change_while_it_runs() {
    let (outside, program) = (Outside::start(Some("second")), Program::new());
    let serving = outside.server(&program).run();
    let key = serving.key(&program);
    let url = outside.tools.url();
    let create = [
        "tool-server",
        "create",
        "mine",
        "--url",
        &url,
        "--credential",
        "user",
    ];
    serving.operate(&program, &create).unwrap();
    let wait_for = |wanted: &str, reason: Value| {
        until(wanted, || {
            ask(&serving, &key);
            let found = status(&serving, &program)?;
            (found["status"] == wanted && found["reason"] == reason).then_some(())
        });
    };
    wait_for("no_credential", Value::Null);
    assert!(!outside.was_offered());
    let set = |token: &str| {
        let mut command = program.command(&[
            "tool-server",
            "token",
            "set",
            "mine",
            "ada",
            "--token-env",
            "TOKEN",
            "--admin-url",
            &format!("http://{}", serving.operator),
        ]);
        let output = command.env("TOKEN", token).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    set("first");
    // The server does not take it, and there is no other.
    until("a token that is refused", || {
        ask(&serving, &key);
        let failed = "bridge_tool_server_failures_total{server=\"mine\",reason=";
        serving.get("/metrics").contains(failed).then_some(())
    });
    assert!(!outside.was_offered());
    set("second");
    until_used(&serving, &key);
    wait_for("open", Value::Null);
    let log = serving.log();
    assert!(!log.contains("second") && !log.contains("first\""), "{log}");
    let mut of_servers = log.lines().filter(|line| line.contains("\"tool server "));
    let is_sound =
        |line: &str| line.matches("\"component\":").count() == 1 && !line.contains("(withheld)");
    assert!(of_servers.all(is_sound), "{log}");
    assert!(log.contains("\"tool server left out\""), "{log}");
}

#[test]
fn a_reload_takes_tools_away_and_gives_them_back() {
    let (outside, program) = (Outside::start(None), Program::new());
    let serving = outside.server(&program).run();
    let key = serving.key(&program);
    let url = outside.tools.url();
    let create = ["tool-server", "create", "docs", "--url", &url];
    serving.operate(&program, &create).unwrap();
    until_used(&serving, &key);
    let reload = |settings: &str| {
        Start {
            settings: outside.settings(settings),
            ..outside.server(&program)
        }
        .write_file();
        serving.operate(&program, &["reload"]).unwrap();
        ask(&serving, &key)
    };
    // A request that runs has tools, and holds them.
    let asked = outside.provider.seen().len();
    let held = send(&serving, &key, "simulate:delay=3600000");
    until("the request that runs", || {
        (outside.provider.seen().len() > asked).then_some(())
    });
    reload("[tools]\nenabled = false\n");
    assert!(!outside.was_offered());
    until("no session with a tool server", || {
        status(&serving, &program).is_none().then_some(())
    });
    drop(held);
    reload("[tools]\nskip_models = \"*sonnet*\"\n");
    assert!(!outside.was_offered());
    reload("");
    until_used(&serving, &key);
}

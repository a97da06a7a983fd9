//! Directives in prompts and headers.

use serde_json::json;

use super::*;

fn plan(text: &str) -> Result<Plan, DirectiveError> {
    let mut plan = Plan::default();
    plan.read_prompt(text).map(|()| plan)
}

fn prompt(text: &str) -> Result<Directives, DirectiveError> {
    plan(text).map(Plan::first)
}

#[test]
fn prompts_and_headers_say_the_same() {
    let check = |in_prompt: &str, in_header: &str, wanted: Directives| {
        assert_eq!(prompt(in_prompt), Ok(wanted.clone()), "{in_prompt}");
        let mut plan = Plan::default();
        plan.read_header(in_header).unwrap();
        assert_eq!(plan.first(), wanted, "{in_header}");
    };
    let none = Directives::default();
    check("hello", "", none.clone());
    check("", "  ,", none.clone());
    check(
        "simulate:events=0 simulate:bytes=64",
        "events=0 bytes=64",
        Directives {
            events: Some(1),
            bytes: Some(64),
            ..none.clone()
        },
    );
    check(
        "Please simulate:think.",
        "think",
        Directives {
            think: true,
            ..none.clone()
        },
    );
    check(
        "simulate:delay=20 and then simulate:pace=5, simulate:gzip",
        "delay=20, pace=5;gzip",
        Directives {
            delay: Duration::from_millis(20),
            pace: Some(Duration::from_millis(5)),
            gzip: true,
            ..none.clone()
        },
    );
    check(
        "\"simulate:error=429\" (simulate:times=2) simulate:retry-after=3",
        "simulate:error=429 times=2 retry-after=3",
        Directives {
            fault: Some(Fault::Status(429)),
            times: Some(2),
            retry_after: Some(3),
            ..none.clone()
        },
    );
    check(
        "simulate:tool=Read {\"a\": {\"b\": [1]}} simulate:tool",
        "tool=Read {\"a\": {\"b\": [1]}}, tool",
        Directives {
            tools: vec![
                ToolWish {
                    name: Some("Read".to_owned()),
                    arguments: Some(json!({"a": {"b": [1]}})),
                    takes_all: false,
                },
                ToolWish {
                    name: None,
                    arguments: None,
                    takes_all: false,
                },
            ],
            ..none
        },
    );
}

#[test]
fn each_fault_has_a_name() {
    let check = |name: &str, fault: Fault| {
        assert_eq!(
            prompt(&format!("simulate:{name}")).unwrap().fault,
            Some(fault)
        );
    };
    check("error=400", Fault::Status(400));
    check("error=599", Fault::Status(599));
    check("stream-error", Fault::StreamError);
    check("reset-before", Fault::ResetBefore);
    check("reset-mid", Fault::ResetMid);
    check("html", Fault::Html);
    check("empty", Fault::Empty);
    check("hang", Fault::Hang);
    check("drip", Fault::Drip);
    check("garbage", Fault::Garbage);
}

#[test]
fn what_is_no_directive_is_left_alone() {
    let check = |text: &str| assert_eq!(prompt(text), Ok(Directives::default()), "{text}");
    check("dissimulate:think");
    check("bridge-simulate:think");
    check("simulate: think");
    check("simulate:");
    check("use simulate::Config");
}

#[test]
fn mistakes_are_named() {
    let check = |text: &str, wanted: &str| {
        assert_eq!(prompt(text).unwrap_err().to_string(), wanted, "{text}");
    };
    check("simulate:thunk", "unknown directive `thunk`");
    check(
        "simulate:delay",
        "directive `delay` needs a number after `=`",
    );
    check(
        "simulate:delay=x",
        "directive `delay` needs a number after `=`",
    );
    check(
        "simulate:delay=-1",
        "directive `delay` needs a number after `=`",
    );
    check("simulate:error=200", "unknown directive `error=200`");
    check("simulate:pace=99999999", "directive `pace` goes to 3600000");
    check(
        "simulate:events=1000000 simulate:bytes=1000",
        "directives `events` and `bytes` together ask for more than 67108864 bytes",
    );
    let mut plan = Plan::default();
    assert_eq!(
        plan.read_header("think \"").unwrap_err().to_string(),
        "unknown directive `\"`"
    );
}

#[test]
fn rounds_follow_one_another() {
    let text = "simulate:tool=a simulate:rounds=2 simulate:then simulate:error=500 \
                simulate:then simulate:then simulate:short.";
    let planned = plan(text).unwrap();
    assert!(planned.is_for_rounds());
    let names = |rounds| {
        let directives = planned.clone().of_round(rounds)?;
        let tool = directives.tools.first().map(|_| "tool");
        let fault = directives.fault.map(|_| "fault");
        let short = directives.is_short.then_some("short");
        Some(tool.or(fault).or(short).unwrap_or("nothing"))
    };
    let wanted = ["tool", "tool", "fault", "nothing", "short"];
    assert_eq!([0, 1, 2, 3, 4].map(|it| names(it).unwrap()), wanted);
    assert_eq!(names(5), None);
    assert!(!plan("simulate:tool=a").unwrap().is_for_rounds());
}

proptest::proptest! {
    #[test]
    fn no_text_hangs_or_panics(text in "(simulate:|tool=|then|think|[ ,{}\"=a-z0-9.é]){0,40}") {
        let _ignored = prompt(&text);
        let mut plan = Plan::default();
        let _ignored = plan.read_header(&text);
    }
}

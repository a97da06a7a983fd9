//! Calls of the operator's API and of the command line, right and wrong ones.

use std::net::SocketAddr;

use serde_json::Value;

use super::hunt::Hunt;
use super::providers::SECRETS;
use super::{ADMIN, GUESS, converse};
use crate::support::{Program, Serving};

/// Somebody with a token.
#[derive(Clone, Copy)]
pub(crate) struct Operator {
    pub(crate) to: SocketAddr,
    pub(crate) token: &'static str,
}

impl Operator {
    /// The whole answer.
    pub(crate) fn call(self, method: &str, path: &str, body: &str) -> Vec<u8> {
        let Self { to, token } = self;
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: o\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        converse(to, request.as_bytes())
    }

    /// The JSON of a good answer.
    pub(crate) fn json(self, method: &str, path: &str, body: &str) -> Value {
        let heard = String::from_utf8(self.call(method, path, body)).unwrap();
        let (head, body) = heard.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 2"), "{path}: {heard}");
        serde_json::from_str(body).unwrap()
    }
}

/// What is read on both sides.
const PAGES: [&str; 17] = [
    "/metrics",
    "/healthz",
    "/readyz",
    "/api/v1/turns",
    "/api/v1/log",
    "/api/v1/openapi.json",
    "/api/v1/users",
    "/api/v1/keys",
    "/api/v1/gateway-keys",
    "/api/v1/providers",
    "/api/v1/providers/anthropic",
    "/api/v1/tool-servers",
    "/api/v1/tool-servers/fixed",
    "/api/v1/tool-tokens",
    "/api/v1/interceptions?limit=500",
    "/api/v1/sessions",
    "/api/v1/nowhere",
];

/// Reads every page with the token, with a wrong one, and with a wrong method.
pub(crate) fn read_pages(server: &Serving, hunt: &mut Hunt) {
    for token in [ADMIN, GUESS] {
        let operator = Operator {
            to: server.operator,
            token,
        };
        for path in PAGES {
            for method in ["GET", "PUT"] {
                let heard = operator.call(method, path, "{}");
                hunt.look(&format!("the answer to {method} {path}"), &heard, &[]);
            }
        }
    }
}

/// Reads the details of what was recorded. Says of how many.
pub(crate) fn read_details(server: &Serving, records: &Value, hunt: &mut Hunt) -> usize {
    let operator = Operator {
        to: server.operator,
        token: ADMIN,
    };
    let records = records.as_array().unwrap();
    for record in records {
        let path = format!("/api/v1/interceptions/{}", record["id"].as_str().unwrap());
        hunt.look(
            "the details of an interception",
            &operator.call("GET", &path, ""),
            &[],
        );
    }
    records.len()
}

/// Changes that are refused, with a secret in each place that a refusal could quote.
pub(crate) fn write_nonsense(server: &Serving, hunt: &mut Hunt) {
    let operator = Operator {
        to: server.operator,
        token: ADMIN,
    };
    let key = SECRETS[0].2;
    let good = r#""type":"anthropic","base_url":"http://127.0.0.1:1""#;
    for body in [
        format!(r#"{{{good},"keys":"{key}"}}"#),
        format!(r#"{{{good},"keys":["{key}",7]}}"#),
        format!(r#"{{{good},"keys":["{key}","{key}"]}}"#),
        format!(r#"{{{good},"keys":["{key} with blanks"]}}"#),
        format!(r#"{{{good},"settings":"{key}"}}"#),
        format!(r#"{{{good},"settings":{{"secret_access_key":"{key}"}}}}"#),
        format!(r#"{{"type":"bedrock","settings":{{"region":"x","access_key_id":"{key}"}}}}"#),
        format!(r#"{{"type":"bedrock","settings":{{"region":"x","session_token":["{key}"]}}}}"#),
        format!(r#"{{{good},"upstream":{{"proxy_url":"ftp://user:{key}@host"}}}}"#),
        format!(r#"{{{good},"upstream":{{"proxy_url":["http://user:{key}@host"]}}}}"#),
        format!(r#"{{{good},"api_keys":["{key}",7]}}"#),
        format!(r#"{{{good},"api_keys":["{key}","{key}"]}}"#),
        format!(r#"{{{good},"api_keys":[{{"id":"{key}","api_key":"{key}"}}]}}"#),
        format!(r#"{{"type":"anthropic","base_url":"http://user:{key}@127.0.0.1:1"}}"#),
        format!(r#"{{"keys":["{key}"#),
        format!(r#"{{"name":"x","url":"http://127.0.0.1:1","credential":"none","token":"{key}"}}"#),
        format!(
            r#"{{"name":"x","url":"http://127.0.0.1:1","credential":"token","token":["{key}"]}}"#
        ),
        format!(r#"{{"name":"x","url":"http://user:{key}@127.0.0.1:1"}}"#),
        format!(r#"{{"name":"x","url":"http://127.0.0.1:1","headers":{{"Host":"{key}"}}}}"#),
        format!(r#"{{"token":"{key} with blanks"}}"#),
    ] {
        for (method, path) in [
            ("PUT", "/api/v1/providers/nonsense"),
            ("POST", "/api/v1/providers/anthropic/keys"),
            ("PATCH", "/api/v1/providers/anthropic"),
            ("POST", "/api/v1/keys"),
            ("POST", "/api/v1/users"),
            ("POST", "/api/v1/tool-servers"),
            ("PATCH", "/api/v1/tool-servers/fixed"),
            ("PUT", "/api/v1/tool-servers/personal/tokens/ada"),
        ] {
            let heard = operator.call(method, path, &body);
            let head = String::from_utf8_lossy(&heard).into_owned();
            assert!(
                !head.starts_with("HTTP/1.1 2"),
                "{method} {path} {body}: {head}"
            );
            hunt.look(
                &format!("the refusal of {method} {path} {body}"),
                &heard,
                &[],
            );
        }
    }
}

/// Files that are no good configuration, with a secret in each place that a complaint could quote.
pub(crate) fn check_nonsense(home: &Program, hunt: &mut Hunt) {
    let key = SECRETS[0].2;
    let provider = "version = 1\n[[providers]]\nname = \"a\"\ntype = \"anthropic\"\n";
    for text in [
        format!("{provider}api_keys = \"{key}\"\n"),
        format!("{provider}api_keys = [\"{key}\", 7]\n"),
        format!("{provider}api_keys = [\"{key}\", \"{key}\"]\n"),
        format!("{provider}api_keys = [\"{key}\"\n"),
        format!("{provider}api_key = \"{key}\"\n"),
        format!("{provider}base_url = \"https://user:{key}@host\"\n"),
        format!("version = 1\n[admin]\ntoken = [\"{key}\"]\n"),
        format!("version = 1\n[admin]\ntokens = \"{key}\"\n"),
        format!("version = 1\n[control]\nurl = \"http://{key}@host\"\n"),
        format!("version = 1\n[control]\ngateway_key = 7\ngateway_keys = \"{key}\"\n"),
    ] {
        let file = home.folder.path().join("nonsense.toml");
        std::fs::write(&file, &text).unwrap();
        let output = home.run(&["check-config", "--config", file.to_str().unwrap()]);
        let said = [output.stdout, output.stderr].concat();
        hunt.look(&format!("what check-config says of {text}"), &said, &[]);
        std::fs::remove_file(&file).unwrap();
    }
}

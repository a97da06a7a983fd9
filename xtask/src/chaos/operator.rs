//! The operator's API, as the harness uses it.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::gateway::{USER, request};
use crate::{Outcome, http1};

/// How many items of a list are read at once: the most that is given.
const PAGE: usize = 500;

/// An operator who knows the token. It is not printed.
#[derive(Clone)]
pub(super) struct Operator {
    address: SocketAddr,
    token: String,
}

impl std::fmt::Debug for Operator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Operator");
        shown
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Operator {
    pub(super) fn new(address: SocketAddr, token: &str) -> Self {
        Self {
            address,
            token: token.to_owned(),
        }
    }

    /// Makes a call below `/api/v1`. Fails when the status is none of success; nothing that was
    /// sent is told then.
    pub(super) fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Outcome<Value> {
        let bearer = format!("Bearer {}", self.token);
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
        ];
        let head = request(method, &format!("/api/v1{path}"), &headers);
        let body = body.map(Value::to_string).unwrap_or_default();
        let answer = http1::call(self.address, &head, body.as_bytes())?;
        let status = answer.head.status();
        if !(200..300).contains(&status) {
            return Err(format!("{method} {path}: status {status}").into());
        }
        match answer.body.is_empty() {
            true => Ok(Value::Null),
            false => Ok(serde_json::from_slice(&answer.body)?),
        }
    }

    pub(super) fn read(&self, path: &str) -> Outcome<Value> {
        self.call("GET", path, None)
    }

    /// All items of a list.
    pub(super) fn all(&self, path: &str) -> Outcome<Vec<Value>> {
        let mut items = Vec::new();
        let mut after = String::new();
        loop {
            let mut page = self.read(&format!("{path}?limit={PAGE}{after}"))?;
            let next = page.get("next").and_then(Value::as_str);
            let next = next.map(|next| format!("&after={next}"));
            let found = page.get_mut("items").and_then(Value::as_array_mut);
            items.append(found.ok_or("a list without items")?);
            match next {
                Some(next) => after = next,
                None => return Ok(items),
            }
        }
    }

    /// Makes the user whose keys are used.
    pub(super) fn make_user(&self) -> Outcome {
        let user = json!({"username": USER});
        self.call("POST", "/users", Some(&user)).map(|_| ())
    }

    /// Makes a gateway key and tells the whole of it.
    pub(super) fn make_gateway_key(&self, name: &str) -> Outcome<String> {
        let made = self.call("POST", "/gateway-keys", Some(&json!({"name": name})))?;
        let secret = made.get("secret").and_then(Value::as_str);
        Ok(secret
            .ok_or("a gateway key was made and not told")?
            .to_owned())
    }

    /// Makes a key of that user. Tells its id, and the whole of it.
    pub(super) fn make_key(&self) -> Outcome<(String, String)> {
        let made = self.call("POST", "/keys", Some(&json!({"user": USER})))?;
        let told = |path: &str| {
            made.pointer(path)
                .and_then(Value::as_str)
                .map(str::to_owned)
        };
        let key = told("/key/id").zip(told("/secret"));
        key.ok_or_else(|| "a key was made and not told".into())
    }
}

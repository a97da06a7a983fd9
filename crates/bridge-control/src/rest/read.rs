//! Reading what an operator sent: the body, the query, the names in the path. Whatever is wrong
//! becomes an answer that names the field.

use std::collections::BTreeMap;
use std::str::FromStr;

use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use http_body_util::{BodyExt as _, Limited};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use url::form_urlencoded;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::{IntoParams, PartialSchema};

use super::problem::Failure;
use crate::control::ControlServer;
use crate::store::PageQuery;

/// Items of a page when none are asked for, and at most.
const LIMIT: u32 = 50;
const MOST: u32 = 500;

/// A JSON body.
#[derive(Debug)]
pub(super) struct Sent<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<ControlServer> for Sent<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, control: &ControlServer) -> Result<Self, Failure> {
        let limit = control.0.config.body_bytes;
        let body = Limited::new(request.into_body(), limit).collect().await;
        let body = body.map_err(|cause| {
            if cause.is::<http_body_util::LengthLimitError>() {
                Failure::too_large(limit)
            } else {
                Failure::invalid("the body broke off")
            }
        })?;
        read_json(&body.to_bytes()).map(Self)
    }
}

fn read_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        if inner.is_data() {
            unfit(&path, &inner.to_string())
        } else {
            not_json(&inner)
        }
    })?;
    reader.end().map_err(|error| not_json(&error))?;
    Ok(value)
}

/// The position, not the content.
fn not_json(error: &serde_json::Error) -> Failure {
    let (line, column) = (error.line(), error.column());
    Failure::invalid(format!(
        "the body is not JSON: line {line}, column {column}"
    ))
}

/// JSON of the wrong shape. What serde says may quote the value, and the value may be a secret, so
/// only its words about names are passed on.
fn unfit(path: &str, words: &str) -> Failure {
    let is_about_names = ["unknown field", "missing field", "duplicate field"]
        .iter()
        .any(|start| words.starts_with(start));
    let named = words.split('`').nth(1).filter(|_| is_about_names);
    let message = if is_about_names {
        words.split(" at line").next().unwrap_or(words)
    } else {
        "is not of the right type or form"
    };
    let field = named.unwrap_or(path);
    if field == "." || field.is_empty() {
        return Failure::invalid("the body must be a JSON object of the documented form");
    }
    let field: String = field.chars().take(64).collect();
    let message: String = message.chars().take(256).collect();
    Failure::invalid(format!("{field}: {message}")).about(field)
}

/// What stands in the path.
#[derive(Debug)]
pub(super) struct Named<T>(pub(super) T);

impl<T: DeserializeOwned + Send> FromRequestParts<ControlServer> for Named<T> {
    type Rejection = Failure;

    async fn from_request_parts(
        parts: &mut Parts,
        control: &ControlServer,
    ) -> Result<Self, Failure> {
        let read = Path::<T>::from_request_parts(parts, control).await;
        let Path(names) = read.map_err(|_| Failure::invalid("the path cannot be read"))?;
        Ok(Self(names))
    }
}

/// The parameters of the query, taken one by one; none may be left.
#[derive(Debug)]
pub(super) struct Params(BTreeMap<String, String>);

impl FromRequestParts<ControlServer> for Params {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &ControlServer) -> Result<Self, Failure> {
        let query = parts.uri.query().unwrap_or_default();
        let mut params = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let name: String = name.chars().take(64).collect();
            if params.insert(name.clone(), value.into_owned()).is_some() {
                return Err(Failure::invalid(format!("{name}: given twice")).about(name));
            }
        }
        Ok(Self(params))
    }
}

impl Params {
    /// The value, if the parameter was given.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    /// The value read as a time.
    pub(super) fn time(&mut self, name: &'static str) -> Result<Option<Timestamp>, Failure> {
        self.parsed(name, "must be a time as in RFC 3339")
    }

    fn parsed<T: FromStr>(&mut self, name: &'static str, rule: &str) -> Result<Option<T>, Failure> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        let read = text.parse().map(Some);
        read.map_err(|_| Failure::invalid(format!("{name}: {rule}")).about(name))
    }

    /// Which page, and the end: parameters that nobody took are unknown.
    pub(super) fn page(mut self) -> Result<PageQuery, Failure> {
        let rule = format!("must be a number from 1 to {MOST}");
        let limit = self.parsed("limit", &rule)?.unwrap_or(LIMIT);
        if !(1..=MOST).contains(&limit) {
            return Err(Failure::invalid(format!("limit: {rule}")).about("limit"));
        }
        let after = self.text("after");
        self.finish()?;
        Ok(PageQuery { limit, after })
    }

    /// Refuses parameters that nobody took.
    pub(super) fn finish(self) -> Result<(), Failure> {
        match self.0.into_keys().next() {
            None => Ok(()),
            Some(name) => Err(Failure::invalid(format!("{name}: unknown parameter")).about(name)),
        }
    }
}

/// What [`Params::page`] reads, as the document tells it.
#[derive(Debug)]
pub(super) struct Paging;

impl IntoParams for Paging {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let parameter = |name: &str| {
            let parameter = ParameterBuilder::new().name(name);
            parameter.parameter_in(ParameterIn::Query)
        };
        let limit = parameter("limit")
            .description(Some(format!("1 to {MOST}, default {LIMIT}")))
            .schema(Some(u32::schema()));
        let after = parameter("after")
            .description(Some("the `next` of the page before"))
            .schema(Some(String::schema()));
        vec![limit.build(), after.build()]
    }
}

//! Allowed routes that are relayed without being recorded.

use bridge_api::Format;
use bridge_telemetry::Part;
use bridge_upstream::Outbound;
use http::StatusCode;

use crate::answer_head::{clean, no_answer};
use crate::credential::choose;
use crate::handler::{Answer, Inbound, Plan};
use crate::{AnswerBody, Blueprint, Cx, InterceptError};

/// Sends a request on and relays what comes back.
pub(crate) async fn run(
    blueprint: &Blueprint,
    plan: &Plan,
    cx: &Cx,
    inbound: Inbound,
) -> Result<Answer, InterceptError> {
    let Inbound {
        query,
        mut headers,
        body,
    } = inbound;
    let provider = &plan.provider;
    let credential = match choose(provider, &mut headers) {
        Ok(chosen) => Some(chosen.credential),
        // Copilot answers some probes without a credential.
        Err(InterceptError::OwnKeyRequired { .. }) if provider.format == Format::Copilot => None,
        Err(error) => return Err(error),
    };
    blueprint
        .metrics
        .passed_through(&provider.name, plan.method.as_str(), plan.label);
    let outbound = Outbound {
        method: plan.method.clone(),
        path_and_query: provider
            .endpoint
            .target(&plan.upstream_path, query.as_deref()),
        headers,
        credential,
        body,
    };
    let sent = blueprint.exchange.exchange(&provider.endpoint, outbound);
    let sent = cx.parts.timed(Part::FirstByte, sent).await;
    let mut reply = sent.map_err(|error| {
        blueprint
            .metrics
            .upstream_failed(&provider.name, error.class().as_str());
        InterceptError::Upstream(error)
    })?;
    let is_not_modified = reply.status == StatusCode::NOT_MODIFIED;
    if let Some(what) = no_answer(reply.status).filter(|_| !is_not_modified) {
        return Err(InterceptError::NotAnAnswer {
            what: what.to_owned(),
            status: reply.status.as_u16(),
        });
    }
    clean(&mut reply.headers);
    let body = AnswerBody::unobserved(reply.body);
    Ok(Answer {
        status: reply.status,
        headers: reply.headers,
        body,
    })
}

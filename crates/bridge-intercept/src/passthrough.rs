//! Allowed routes that are relayed without being recorded.

use bridge_api::Format;
use bridge_upstream::Outbound;
use http::StatusCode;

use crate::answer_head::{clean, no_answer};
use crate::credential::{Keys, choose};
use crate::failover::{Call, reach};
use crate::handler::{Answer, Inbound, Plan};
use crate::retry::Retries;
use crate::sight::Sight;
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
    let keys = match choose(provider, &mut headers, cx.hint.session_id.as_deref()) {
        Ok(chosen) => chosen.keys,
        // Copilot answers some probes without a credential.
        Err(InterceptError::OwnKeyRequired { .. }) if provider.format == Format::Copilot => {
            Keys::Absent
        }
        Err(error) => return Err(error),
    };
    blueprint
        .metrics
        .passed_through(&provider.name, plan.method.as_str(), plan.label);
    let request = Outbound {
        method: plan.method.clone(),
        path_and_query: provider
            .endpoint
            .target(&plan.upstream_path, query.as_deref()),
        headers,
        credential: None,
        body,
    };
    // What these routes do is not known, so only a refused key is a reason to ask again.
    let mut call = Call::new(request, keys, Retries::none());
    let sight = Sight::of_passthrough(cx, plan);
    let reached = reach(blueprint, provider, &sight, &mut call, None).await;
    let mut reply = reached.map_err(|unreached| unreached.into_error(blueprint, provider))?;
    let is_not_modified = reply.status == StatusCode::NOT_MODIFIED;
    if let Some(what) = no_answer(reply.status).filter(|_| !is_not_modified) {
        return Err(InterceptError::NotAnAnswer {
            what: what.to_owned(),
            status: reply.status.as_u16(),
        });
    }
    clean(&mut reply.headers);
    let body = AnswerBody::unobserved(reply.body.into());
    Ok(Answer {
        status: reply.status,
        headers: reply.headers,
        body,
    })
}

//! Asking a proxy for a tunnel (RFC 9110, section 9.3.6).

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use bytes::Bytes;
use http::header::{HOST, PROXY_AUTHORIZATION};
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use super::{ProxyAddress, ProxyProblem};
use crate::wire::Wire;

/// Asks the proxy at the other end to lead on to `target`, which is a host and a port. What is sent
/// and received from then on is the target's.
pub(crate) async fn dig(
    wire: Wire,
    proxy: &ProxyAddress,
    target: &str,
) -> Result<Wire, ProxyProblem> {
    let broken = |cause: hyper::Error| ProxyProblem::Broken(Box::new(cause));
    let (mut sender, mut work) = http1::handshake(TokioIo::new(wire)).await.map_err(broken)?;
    let request = ask(proxy, target).map_err(|cause| ProxyProblem::Broken(Box::new(cause)))?;
    let mut answer = pin!(sender.send_request(request));
    let mut is_over = false;
    let response = poll_fn(|cx| {
        if !is_over {
            // How it ended is told to the one who waits for the answer.
            is_over = work.poll_without_shutdown(cx).is_ready();
        }
        answer.as_mut().poll(cx)
    });
    let status = response.await.map_err(broken)?.status();
    if !status.is_success() {
        return Err(match status {
            StatusCode::PROXY_AUTHENTICATION_REQUIRED => ProxyProblem::Credential,
            status => ProxyProblem::Status(status),
        });
    }
    // The proxy's own words end with its head.
    poll_fn(|cx| match is_over {
        true => Poll::Ready(Ok(())),
        false => work.poll_without_shutdown(cx),
    })
    .await
    .map_err(broken)?;
    let parts = work.into_parts();
    // Servers of TLS and HTTP/2 wait for the client's first word.
    match parts.read_buf.is_empty() {
        true => Ok(parts.io.into_inner()),
        false => Err(ProxyProblem::Babble),
    }
}

fn ask(proxy: &ProxyAddress, target: &str) -> Result<Request<Empty<Bytes>>, http::Error> {
    let mut request = Request::builder()
        .method(Method::CONNECT)
        .uri(target)
        .header(HOST, HeaderValue::from_str(target)?)
        .body(Empty::new())?;
    if let Some(authorization) = proxy.authorization() {
        request
            .headers_mut()
            .insert(PROXY_AUTHORIZATION, authorization);
    }
    Ok(request)
}

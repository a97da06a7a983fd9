//! Whoever connects without being a gateway: bounded, and no harm to those who are.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bridge_control::{ListenConfig, TlsIdentity};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic::Code;

use crate::remote::{Gateway, bearer, soon, until_connected};
use crate::stage::Stage;

/// What a client of HTTP/2 begins with.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

fn hasty() -> ListenConfig {
    ListenConfig {
        patience: Duration::from_millis(50),
        ..ListenConfig::default()
    }
}

/// Sends these bytes and reads until the other end closes.
async fn shut_out(address: SocketAddr, bytes: &[u8]) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut read = Vec::new();
    let talk = async {
        stream.write_all(bytes).await?;
        stream.read_to_end(&mut read).await
    };
    // A reset is an end as well.
    let _end: io::Result<usize> = soon(talk).await;
}

#[tokio::test]
async fn who_says_nothing_is_shut_out() {
    let stage = Stage::new();
    let key = stage.gateway_key("north").await;
    let (address, _served) = stage.listen(hasty()).await;
    let gateway = Gateway::greeted(address, &key).await;
    shut_out(address, b"").await;
    shut_out(address, PREFACE).await;
    // Whoever has proven a key may be silent for longer than that.
    gateway.greet().await.unwrap();
}

#[tokio::test]
async fn strangers_have_their_own_places() {
    let stage = Stage::new();
    let key = stage.gateway_key("north").await;
    let config = ListenConfig {
        strangers: 2,
        patience: Duration::from_millis(200),
        ..ListenConfig::default()
    };
    let (address, _served) = stage.listen(config).await;
    let gateway = Gateway::greeted(address, &key).await;
    let silent: Vec<_> = (0..8).map(|_| TcpStream::connect(address)).collect();
    let silent = futures_util::future::join_all(silent).await;
    // It waits behind them, and comes in when they are shut out.
    Gateway::greeted(address, &key).await;
    gateway.greet().await.unwrap();
    drop(silent);
}

#[tokio::test]
async fn there_is_room_for_so_many_gateways() {
    let stage = Stage::new();
    let key = stage.gateway_key("north").await;
    let config = ListenConfig {
        gateways: 1,
        ..ListenConfig::default()
    };
    let (address, _served) = stage.listen(config).await;
    let first = Gateway::with_key(address, &key).await;
    first.greet().await.unwrap();
    let second = Gateway::with_key(address, &key).await;
    let refused = second.greet().await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted, "it may try again");
    drop(first);
    until_connected(&stage, 0).await;
    second.greet().await.unwrap();
}

#[tokio::test]
async fn who_goes_on_after_refusals_is_shut_out() {
    let stage = Stage::new();
    let (address, _served) = stage.listen(ListenConfig::default()).await;
    let stranger = Gateway::dial(address, &[]).await;
    let mut refusals = 0;
    // A library that dials again would go on for ever: each connection ends in the same way.
    while let Err(status) = stranger.greet().await {
        if status.code() != Code::Unauthenticated {
            break;
        }
        refusals += 1;
        assert!(refusals < 100, "it is answered for ever");
    }
    assert!(refusals >= 8, "{refusals}");
}

#[tokio::test]
async fn a_large_head_is_refused() {
    let stage = Stage::new();
    let key = stage.gateway_key("north").await;
    let (address, _served) = stage.listen(ListenConfig::default()).await;
    let large = format!("Bearer {}", "a".repeat(100_000));
    let refused = Gateway::dial(address, &[&large]).await.greet().await;
    assert_ne!(refused.unwrap_err().code(), Code::Ok);
    let gateway = Gateway::dial(address, &[&bearer(&key)]).await;
    gateway.greet().await.unwrap();
}

#[test]
fn garbage_harms_nobody() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let stage = Stage::new();
    let key = runtime.block_on(stage.gateway_key("north"));
    let (address, _served) = runtime.block_on(stage.listen(hasty()));
    let gateway = runtime.block_on(Gateway::greeted(address, &key));
    let bytes = prop::collection::vec(any::<u8>(), 0..512);
    let after_preface = bytes.clone().prop_map(|bytes| [PREFACE, &bytes].concat());
    let mut runner = TestRunner::new(Config {
        cases: 32,
        failure_persistence: None,
        ..Config::default()
    });
    let end = runner.run(&prop_oneof![bytes, after_preface], |bytes| {
        runtime.block_on(async {
            shut_out(address, &bytes).await;
            let greeted = gateway.greet().await;
            prop_assert!(greeted.is_ok(), "{:?}", greeted);
            Ok(())
        })
    });
    end.unwrap();
}

#[tokio::test]
async fn who_never_comes_through_tls_is_shut_out() {
    let stage = Stage::new();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, private) = (made.cert.pem(), made.signing_key.serialize_pem());
    let identity = TlsIdentity::from_pem(certificate.as_bytes(), private.as_bytes()).unwrap();
    let config = ListenConfig {
        identity: Some(identity),
        strangers: 1,
        ..hasty()
    };
    let (address, served) = stage.listen(config).await;
    // The only place is free again after each of them.
    let hello_without_end = [0x16, 0x03, 0x01, 0x02, 0x00, 0x01];
    for bytes in [b"".as_slice(), PREFACE, &hello_without_end, &[0xff; 4_096]] {
        shut_out(address, bytes).await;
    }
    served.stop().await;
}

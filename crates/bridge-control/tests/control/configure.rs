//! Providers as gateways learn of them.

use bridge_control::api::{ProviderSpec, SecretText};
use bridge_proto::v1::provider_configurator_service_client::ProviderConfiguratorServiceClient;
use bridge_proto::v1::{
    GetProvidersRequest, ProviderSet, WatchProvidersRequest, WatchProvidersResponse,
};
use tonic::Streaming;

use crate::stage::Stage;

fn spec(enabled: bool, port: u16) -> ProviderSpec {
    ProviderSpec {
        kind: "openai".to_owned(),
        base_url: Some(format!("http://127.0.0.1:{port}/v1")),
        enabled,
        keys: Some(vec![SecretText::new("operator-key".to_owned())]),
        ..ProviderSpec::default()
    }
}

async fn next(watch: &mut Streaming<WatchProvidersResponse>) -> ProviderSet {
    watch.message().await.unwrap().unwrap().providers.unwrap()
}

#[tokio::test]
async fn several_providers_are_put_together_or_not_at_all() {
    let stage = Stage::new();
    let both = || {
        ["a", "b"]
            .map(|name| (name.to_owned(), spec(true, 1)))
            .to_vec()
    };
    let file = stage.folder.path().join("control.db");
    let connection = rusqlite::Connection::open(file).unwrap();
    let refuse = "CREATE TRIGGER refuse BEFORE INSERT ON providers WHEN NEW.name = 'b'
                  BEGIN SELECT RAISE(ABORT, 'refused'); END";
    connection.execute_batch(refuse).unwrap();
    let mut odd = both();
    odd[1].1.kind = "odd".to_owned();
    for providers in [both(), odd] {
        assert!(stage.control.put_providers(providers).await.is_err());
        assert!(stage.control.provider("a").await.is_err());
    }
    connection.execute_batch("DROP TRIGGER refuse").unwrap();
    stage.control.put_providers(both()).await.unwrap();
    for name in ["a", "b"] {
        assert!(stage.control.provider(name).await.unwrap().enabled);
    }
}

#[tokio::test]
async fn the_set_comes_at_once_and_after_each_change() {
    let stage = Stage::new();
    let (channel, served) = stage.gateway().await;
    let mut client = ProviderConfiguratorServiceClient::new(channel);
    let watch = client
        .watch_providers(WatchProvidersRequest::default())
        .await;
    let mut watch = watch.unwrap().into_inner();
    let first = next(&mut watch).await;
    assert_eq!(first.providers, []);

    stage
        .control
        .put_provider("main", spec(true, 1))
        .await
        .unwrap();
    let second = next(&mut watch).await;
    assert!(second.generation > first.generation);
    let provider = &second.providers[0];
    assert_eq!(
        (provider.name.as_str(), provider.r#type.as_str()),
        ("main", "openai")
    );
    assert_eq!(provider.keys, ["operator-key"]);
    let whole = client
        .get_providers(GetProvidersRequest::default())
        .await
        .unwrap();
    assert_eq!(whole.into_inner().providers, Some(second));

    // Keys of a disabled provider are not told.
    stage
        .control
        .put_provider("main", spec(false, 1))
        .await
        .unwrap();
    let third = next(&mut watch).await;
    assert!(!third.providers[0].enabled && third.providers[0].keys.is_empty());

    // Many changes may come as few, and the last one comes.
    for port in 2..40 {
        stage
            .control
            .put_provider("main", spec(true, port))
            .await
            .unwrap();
    }
    let mut last = third.generation;
    loop {
        let set = next(&mut watch).await;
        assert!(set.generation > last);
        last = set.generation;
        if set.providers[0].base_url.ends_with(":39/v1") {
            break;
        }
    }
    stage.control.delete_provider("main").await.unwrap();
    assert_eq!(next(&mut watch).await.providers, []);

    served.stop().await;
    assert!(watch.message().await.unwrap().is_none());
}

/// A start puts what its configuration says, which is mostly what is there.
#[tokio::test]
async fn gateways_are_not_told_of_what_is_as_it_was() {
    let stage = Stage::new();
    let (channel, _served) = stage.gateway().await;
    let mut client = ProviderConfiguratorServiceClient::new(channel);
    let mut generation = async || {
        let request = GetProvidersRequest::default();
        let set = client.get_providers(request).await.unwrap().into_inner();
        set.providers.unwrap().generation
    };
    let put = async |ports: [u16; 2]| {
        let [one, other] = ports.map(|port| spec(true, port));
        let both = vec![("one".to_owned(), one), ("other".to_owned(), other)];
        stage.control.put_providers(both).await.unwrap().unwrap()
    };
    let first = put([1, 2]).await;
    assert_eq!(put([1, 2]).await, first);
    stage
        .control
        .put_provider("one", spec(true, 1))
        .await
        .unwrap();
    assert_eq!(generation().await, first);
    let second = put([1, 3]).await;
    assert!(second > first, "{second}");
    assert_eq!(generation().await, second);
}

/// A gateway of the contract's version 1.1 refuses a whole set for a type that it does not know.
#[tokio::test]
async fn older_gateways_are_not_told_of_later_types() {
    let stage = Stage::new();
    let (channel, _served) = stage.gateway().await;
    let mut client = ProviderConfiguratorServiceClient::new(channel);
    let later = ProviderSpec {
        kind: "chatgpt".to_owned(),
        keys: None,
        ..spec(true, 1)
    };
    for (name, spec) in [("main", spec(true, 1)), ("subscribers", later)] {
        stage.control.put_provider(name, spec).await.unwrap();
    }
    for (takes_every_type, expected) in [(false, vec!["main"]), (true, vec!["main", "subscribers"])]
    {
        let request = GetProvidersRequest { takes_every_type };
        let got = client.get_providers(request).await.unwrap().into_inner();
        let watched = client
            .watch_providers(WatchProvidersRequest { takes_every_type })
            .await;
        let set = next(&mut watched.unwrap().into_inner()).await;
        let names: Vec<_> = set.providers.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, expected);
        assert_eq!(got.providers, Some(set));
    }
}

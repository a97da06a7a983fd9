//! Lists the tools of a server, or calls one of them:
//! `cargo run -p bridge-mcp --example call -- http://127.0.0.1:8000/mcp [TOOL [ARGUMENTS]]`.

#![expect(clippy::print_stdout, reason = "a program for people")]

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bridge_auth::ActorId;
use bridge_mcp::{
    AuthorityError, Caller, Catalogue, Catalogues, Credential, Granted, GrantedServer, McpConfig,
    Renewal, Server, ServerSpec, ToolAuthority, UserToken,
};
use bridge_telemetry::{ErrorChain, Metrics, discard};
use bridge_upstream::{Client, ClientConfig, Manners, Network};

/// One server, for everybody.
struct Everybody(Arc<Server>);

#[async_trait]
impl ToolAuthority for Everybody {
    async fn servers(&self, _: &Caller) -> Result<Granted, AuthorityError> {
        let granted = GrantedServer {
            server: Arc::clone(&self.0),
            token: None,
            problem: None,
        };
        Ok(Granted {
            servers: vec![granted],
        })
    }

    async fn token(
        &self,
        _: &Caller,
        _: &Server,
        _: &UserToken,
        _: Renewal,
    ) -> Result<UserToken, AuthorityError> {
        Err(AuthorityError::NoToken("nobody has one".to_owned()))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().ok_or("say where the server is")?;
    let server = Server::try_new(ServerSpec {
        id: String::new(),
        name: "one".to_owned(),
        url,
        allow: Vec::new(),
        deny: Vec::new(),
        headers: Vec::new(),
        credential: Credential::None,
        manners: Manners::default(),
    })?;
    let (metrics, logger) = (Metrics::default(), discard());
    let private = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];
    let config = ClientConfig {
        allowed_private: private
            .iter()
            .map(|text| text.parse::<Network>())
            .collect::<Result<_, _>>()?,
        ..ClientConfig::default()
    };
    let out = Client::try_new(&config, &metrics, &logger)?;
    let who = Arc::new(Everybody(Arc::new(server)));
    let config = McpConfig::default();
    let catalogues = Catalogues::new(Arc::new(out), who, config, &metrics, &logger);
    let catalogue = catalogues.catalogue(Caller {
        actor: ActorId::from_bytes([0; 16]),
        api_key_id: String::new(),
        own_key: None,
    });
    let shelf = catalogue.ready(Duration::from_secs(10)).await;
    println!("{:#?}", catalogues.figures());
    match arguments.next() {
        None => {
            for tool in shelf.tools() {
                let (name, schema) = (tool.name(), tool.input_schema());
                println!("{name}: {}\n  {schema}", tool.description());
            }
        }
        Some(name) => {
            let input = arguments.next().unwrap_or_else(|| "{}".to_owned());
            call(&catalogue, &format!("bmcp_one_{name}"), &input).await;
        }
    }
    drop(catalogue);
    catalogues.close().await;
    Ok(())
}

async fn call(catalogue: &Catalogue, name: &str, input: &str) {
    let shelf = catalogue.current();
    let Some(tool) = shelf.tool(name) else {
        println!("there is no tool {name}");
        return;
    };
    match catalogue.call(tool, input, Duration::from_secs(60)).await {
        Ok(outcome) => println!("{outcome:?}"),
        Err(error) => println!("{}", ErrorChain(&error)),
    }
}

//! How commands find the server they speak to, and its token.

use std::path::PathBuf;

use bridge_auth::Secret;

use super::{CommandError, Context};
use crate::config::{OperatorConfig, env, secret_file};
use crate::data_folder::read_admin_token;
use crate::operator_api::{OperatorApi, url_of};

/// Which server, and with which token.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct OperatorArgs {
    /// Where the operator's API answers [env: BRIDGED_ADMIN_URL] [default: the configured address]
    #[arg(long, global = true, value_name = "URL")]
    admin_url: Option<String>,
    /// A file with the admin token [env: BRIDGED_ADMIN_TOKEN for the token itself]
    /// [default: admin-token in the data folder]
    #[arg(long, global = true, value_name = "PATH")]
    admin_token_file: Option<PathBuf>,
}

/// A server to speak to.
#[derive(Debug)]
pub(crate) struct Operator {
    /// Its operator's API.
    pub(crate) api: OperatorApi,
    /// What this machine's configuration says of it.
    pub(crate) config: OperatorConfig,
}

impl OperatorArgs {
    /// Finds address and token. Nothing is called yet.
    ///
    /// # Errors
    /// When the configuration is wrong or there is no token.
    pub(crate) fn connect(&self, context: Context<'_>) -> Result<Operator, CommandError> {
        let config = OperatorConfig::load(context.config, context.environment)?.config;
        let url = match (&self.admin_url, context.environment.text(env::ADMIN_URL)) {
            (Some(url), _) => url.clone(),
            (None, Ok(Some(url))) => url.to_owned(),
            (None, Ok(None)) => url_of(config.listen.operator_address),
            (None, Err(_)) => {
                return Err(CommandError::Usage(format!(
                    "{} is not UTF-8",
                    env::ADMIN_URL
                )));
            }
        };
        let api = OperatorApi::try_new(&url, &self.token(&config)?)?;
        Ok(Operator { api, config })
    }

    fn token(&self, config: &OperatorConfig) -> Result<Secret, CommandError> {
        if let Some(path) = &self.admin_token_file {
            return Ok(Secret::new(secret_file::read(path)?.to_string()));
        }
        match &config.admin_token {
            Some(token) => Ok(token.clone()),
            None => Ok(read_admin_token(&config.data_folder)?),
        }
    }
}

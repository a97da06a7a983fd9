//! A running server reads its configuration again: all of it is good, or nothing changes.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bridge_auth::HeaderPolicy;
use bridge_control::ControlServer;
use bridge_intercept::ProviderSet;
use bridge_telemetry::{ErrorChain, LevelSwitch, LogLosses, Metrics, keys};
use bridge_upstream::{Client, Dumps};
use slog::{Logger, error, info, warn};
use tokio::sync::watch;
use tokio::time::timeout;

use super::dumps;
use super::reload::{Generations, Habits};
use super::seed;
use super::translate::{
    client_config, configure_metrics, gateway_config, intercept_config, provider_spec, tools_config,
};
use crate::config::env::Environment;
use crate::config::live::is_live;
use crate::config::{Config, ConfigError, Loaded, Provider};
use crate::reload_view::{ReloadRefused, ReloadView};
use crate::supervisor::Supervisor;

/// How long the gateway of this process may take to hear of providers that were stored.
const USED_SOON: Duration = Duration::from_secs(5);

/// Where the configuration is read from, at the start and again.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// The file that was named.
    pub(crate) named: Option<PathBuf>,
    /// The variables of the process.
    pub(crate) environment: Environment,
}

/// What a reload reads, and what it changes besides the gateway.
pub(crate) struct Rereads {
    pub(crate) source: Source,
    pub(crate) level: LevelSwitch,
    pub(crate) losses: LogLosses,
    pub(crate) supervisor: Supervisor,
}

/// The configuration in force, and how it is replaced.
pub(super) struct Settings {
    pub(super) rereads: Rereads,
    pub(super) config: Config,
    /// Absent where no gateway runs.
    pub(super) generations: Option<Generations>,
    /// Whose providers the file describes; without one it describes none.
    pub(super) control: Option<ControlServer>,
    pub(super) patience: watch::Sender<Duration>,
    pub(super) metrics: Metrics,
    pub(super) logger: Logger,
}

/// A configuration that can be taken: everything that can fail has been done.
struct Checked {
    loaded: Loaded<Config>,
    policy: Arc<HeaderPolicy>,
    client: Option<Client>,
    dumps: Option<Dumps>,
}

impl Source {
    /// Reads the file and the environment.
    ///
    /// # Errors
    /// When the file cannot be read, or with everything in it that cannot be used.
    pub(crate) fn load(&self) -> Result<Loaded<Config>, ConfigError> {
        Config::load(self.named.as_deref(), &self.environment)
    }
}

impl Settings {
    /// Reads everything again and puts what is live into force.
    ///
    /// # Errors
    /// With everything that is wrong. Nothing has changed then.
    pub(super) async fn reload(&mut self) -> Result<ReloadView, ReloadRefused> {
        let outcome = self.try_reload().await;
        self.metrics.settings_reloaded(outcome.is_ok());
        match &outcome {
            Ok(view) => self.say_taken(view),
            Err(refused) => {
                for problem in &refused.problems {
                    error!(self.logger, "configuration refused, the one before stays";
                        keys::ERROR => problem);
                }
            }
        }
        outcome
    }

    async fn try_reload(&mut self) -> Result<ReloadView, ReloadRefused> {
        let checked = self.read().await.map_err(refused)?;
        let new = &checked.loaded.config;
        let (changed, needs_restart) = new
            .differences(&self.config)
            .into_iter()
            .filter(|path| self.control.is_some() || !path.starts_with("providers."))
            .partition(|path| is_live(path));
        let warnings = checked.loaded.warnings.iter().map(ToString::to_string);
        let mut warnings: Vec<_> = warnings.collect();
        if self.control.is_some() {
            warnings.extend(gone(&self.config.providers, &new.providers));
        }
        let stored = self.store_providers(&new.providers).await;
        warnings.extend(self.unused(stored.map_err(refused)?).await);
        let Checked {
            loaded,
            policy,
            client,
            dumps,
        } = checked;
        let habits = Habits {
            limits: gateway_config(&loaded.config, &self.metrics),
            engine: intercept_config(&loaded.config),
            policy,
            client,
            dumps,
            tools: tools_config(&loaded.config),
        };
        let generation = self
            .generations
            .as_ref()
            .and_then(|generations| generations.adopt(habits));
        configure_metrics(&loaded.config, &self.metrics);
        self.rereads.level.configure(loaded.config.log.level);
        self.patience.send_replace(loaded.config.drain.patience);
        self.config = self.config.taking(loaded.config);
        Ok(ReloadView {
            file: loaded.file,
            generation,
            changed,
            needs_restart,
            warnings,
        })
    }

    /// Reads the configuration and does everything that can fail, away from the tasks of requests:
    /// files are read.
    async fn read(&self) -> Result<Checked, Vec<String>> {
        let (source, logger) = (self.rereads.source.clone(), self.logger.clone());
        let before = client_config(&self.config);
        let generations = self.generations.clone();
        let metrics = self.metrics.clone();
        let work = move || {
            let loaded = source.load().map_err(problems)?;
            let config = &loaded.config;
            let mut found = Vec::new();
            let specs = config.providers.iter().map(provider_spec).collect();
            match ProviderSet::try_new(specs) {
                Ok(set) => found.extend(unusable(&set)),
                Err(wrong) => found.extend(wrong.iter().map(|one| ErrorChain(one).to_string())),
            }
            // With certificates of its own a file is read, which may have changed as well.
            let new = client_config(config);
            let is_other = new != before || new.extra_roots.is_some();
            let client = is_other.then(|| Client::try_new(&new, &metrics, &logger));
            let client = client.transpose();
            let policy = config.headers.policy();
            // Without a gateway there is nothing to dump.
            let dumps = generations.map_or(Ok(None), |generations| {
                dumps::again(generations.dumps().as_ref(), config, &metrics, &logger)
            });
            match (client, policy, dumps) {
                (Ok(client), Ok(policy), Ok(dumps)) if found.is_empty() => Ok(Checked {
                    loaded,
                    policy: Arc::new(policy),
                    client,
                    dumps,
                }),
                (client, policy, dumps) => {
                    found.extend(client.err().map(|cause| ErrorChain(&cause).to_string()));
                    found.extend(dumps.err().map(|cause| ErrorChain(&cause).to_string()));
                    found.extend(policy.err().map(|cause| ErrorChain(&cause).to_string()));
                    Err(found)
                }
            }
        };
        away(work).await
    }

    /// Stores the providers whose description is another one than before, after all of them were
    /// checked. What an operator has set meanwhile on the others stays. Says the number of the set
    /// that has them.
    async fn store_providers(&self, providers: &[Provider]) -> Result<Option<u64>, Vec<String>> {
        let Some(control) = &self.control else {
            return Ok(None);
        };
        let before = &self.config.providers;
        let new = providers.iter().filter(|one| !before.contains(one));
        let new: Vec<_> = new.collect();
        let wrong = new.iter().filter_map(|one| seed::check(control, one).err());
        let wrong: Vec<_> = wrong.map(|cause| ErrorChain(&cause).to_string()).collect();
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let put = seed::put(control, new).await;
        put.map_err(|cause| vec![ErrorChain(&cause).to_string()])
    }

    /// Waits until the gateway of this process has the set of providers with this number. Says why
    /// it does not use it, if so.
    async fn unused(&self, stored: Option<u64>) -> Option<String> {
        let (generations, number) = self.generations.as_ref().zip(stored)?;
        let seen = timeout(USED_SOON, generations.until_seen(number)).await;
        let trouble = generations.last_set().trouble().map(|reason| reason.text);
        seen.map_or_else(
            |_| Some("the providers are stored, and not in use yet: see /readyz".to_owned()),
            |()| trouble,
        )
    }

    fn say_taken(&self, view: &ReloadView) {
        info!(self.logger, "configuration taken";
            "changed" => view.changed.join(", "),
            "file" => view.file.as_ref().map(|file| file.display().to_string()),
            keys::GENERATION => view.generation);
        if !view.needs_restart.is_empty() {
            warn!(self.logger, "settings changed that need a restart";
                "settings" => view.needs_restart.join(", "));
        }
        for warning in &view.warnings {
            warn!(self.logger, "the configuration should be changed"; "place" => warning);
        }
    }
}

/// Does this where it may take its time. What breaks in it is a problem like any other, and the next
/// reload may do better. Its own words are left out, because they may hold what was read.
async fn away<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Vec<String>> + Send + 'static,
) -> Result<T, Vec<String>> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(_) => {
            let text = "reading it broke, which is a mistake in bridged: standard error says where";
            Err(vec![text.to_owned()])
        }
    }
}

/// A provider of the control plane that cannot be used is marked; one of the file can be mended
/// before it is stored.
fn unusable(set: &ProviderSet) -> Vec<String> {
    let list = set.list().into_iter();
    let unusable = list.filter_map(|one| Some((&one.name, one.error()?)));
    let told = unusable.map(|(name, reason)| format!("provider {name:?}: {}", ErrorChain(reason)));
    told.collect()
}

fn refused(problems: Vec<String>) -> ReloadRefused {
    ReloadRefused { problems }
}

fn problems(error: ConfigError) -> Vec<String> {
    match error {
        ConfigError::Invalid(problems) => problems.iter().map(ToString::to_string).collect(),
        other @ (ConfigError::Unreadable { .. } | ConfigError::Syntax { .. }) => {
            vec![ErrorChain(&other).to_string()]
        }
    }
}

/// Providers that were described before and are not any more.
fn gone<'p>(before: &'p [Provider], after: &'p [Provider]) -> impl Iterator<Item = String> + 'p {
    let is_gone = |one: &&Provider| !after.iter().any(|other| other.name == one.name);
    before.iter().filter(is_gone).map(|one| {
        let name = &one.name;
        format!(
            "provider {name:?} is not configured any more and stays as it is: `bridged provider \
             delete {name}` takes it away"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_breaks_while_it_reads_is_a_problem_and_no_end() {
        let broken = away::<()>(|| panic!("hidden")).await.unwrap_err();
        let told = broken.join("\n");
        assert!(told.contains("reading it broke"), "{told}");
        assert!(!told.contains("hidden"), "{told}");
        assert_eq!(away(|| Ok(7)).await, Ok(7));
    }
}

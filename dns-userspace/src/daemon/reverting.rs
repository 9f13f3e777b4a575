//! Going back to what an earlier generation was made of.

use tracing::{error, warn};

use super::{Daemon, DaemonError};
use crate::{
    clock,
    config::source::Source,
    control::generations::{By, Made},
};

impl Daemon {
    /// The number of the generation in use: unlike that of its tables it goes on over
    /// restarts, so that it names one configuration.
    pub(crate) fn generation(&self) -> u64 {
        self.view.generation()
    }

    /// Takes the configuration that `generation` was made of as a reload takes the one
    /// in the configuration directory.
    pub(super) async fn revert(
        &mut self,
        generation: u64,
        is_forced: bool,
    ) -> Result<Vec<&'static str>, DaemonError> {
        self.supervisor.reloading();
        let result = self.try_revert(generation, is_forced).await;
        self.supervisor.ready();
        match &result {
            Ok(_) => warn!(
                generation = self.generation(),
                "reverted to generation {generation}; the files in {} are as they were, and the \
                 next reload or start takes them",
                self.directory.display()
            ),
            Err(error) => error!("not reverted to {generation}, nothing changed:\n{error}"),
        }
        result
    }

    async fn try_revert(
        &mut self,
        generation: u64,
        is_forced: bool,
    ) -> Result<Vec<&'static str>, DaemonError> {
        let configurations = self.configurations.clone();
        let opening = configurations.open(generation);
        let (to, files) = self.observe_until(opening).await.0?;
        let source = Source::kept(&self.directory, files);
        self.take(source, By::Revert { to }, is_forced).await
    }

    /// Notes that the configuration of `source` is in use.
    pub(super) fn taken(&mut self, by: By, source: Source) {
        self.reverted_to = by.reverted_to();
        let max = self.config.settings.state_generations_max;
        let (made, inventory) = (self.made(by), self.inventory());
        let files = source.into_read();
        self.configurations.keep(made, inventory, files, max);
    }

    /// Notes another generation of the configuration in use.
    pub(super) fn made_again(&self, by: By) {
        self.configurations.made_again(self.made(by));
    }

    fn made(&self, by: By) -> Made {
        Made {
            generation: self.generation(),
            unix_ms: clock::unix_ms(),
            by,
        }
    }
}

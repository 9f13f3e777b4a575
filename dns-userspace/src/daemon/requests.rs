//! Asking the task that owns the daemon from other tasks.

use std::sync::Arc;

use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

use super::{Daemon, view::View};
use crate::{
    control::{
        overridden::Overridden,
        protocol::{Failure, Proposed},
    },
    measurement::{director::difference::Difference, overrides::order::Order},
};

/// Requests that may wait for the loop; more connections than these are few.
const REQUESTS_WAITING: usize = 64;

/// The end that [`Requests`] are sent from, and the one that the daemon's loop reads from.
pub(super) fn channel() -> (mpsc::Sender<Request>, mpsc::Receiver<Request>) {
    mpsc::channel(REQUESTS_WAITING)
}

/// Something to be done by the task that owns the daemon.
pub(super) type Request = Box<dyn FnOnce(&mut Daemon) -> Followup + Send>;

/// What the loop does after a request.
pub(super) enum Followup {
    Nothing,
    /// Reload, however much that moves if it is forced, then tell how it went.
    Reload(bool, oneshot::Sender<Result<Vec<&'static str>, Failure>>),
    /// As for a reload, to what a generation was made of.
    Revert(
        u64,
        bool,
        oneshot::Sender<Result<Vec<&'static str>, Failure>>,
    ),
    /// Tell what a reload would change, with a proposed file in its place.
    Differ(
        Option<Proposed>,
        oneshot::Sender<Result<Difference, Failure>>,
    ),
    /// Follow the order of a user, then tell how it went.
    Order(
        Box<Order>,
        String,
        oneshot::Sender<Result<Overridden, Failure>>,
    ),
}

/// Asks the daemon's task from other tasks.
#[derive(Clone)]
pub(super) struct Requests {
    sender: mpsc::Sender<Request>,
    view: Arc<View>,
}

/// The daemon has stopped.
#[derive(Debug, Error)]
#[error("veerd is stopping")]
pub(super) struct Stopped;

impl Requests {
    /// Through `sender`, to the daemon that has this `view`.
    pub(super) fn new(sender: mpsc::Sender<Request>, view: &Arc<View>) -> Self {
        Self {
            sender,
            view: Arc::clone(view),
        }
    }

    /// What needs not be asked.
    pub(super) fn view(&self) -> &View {
        &self.view
    }

    /// Runs `question` on the daemon and returns what it says.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Daemon) -> T + Send + 'static,
    ) -> Result<T, Stopped> {
        let (answer, received) = oneshot::channel();
        self.send(Box::new(move |daemon| {
            // Whoever asked may have gone away.
            let _ = answer.send(question(daemon));
            Followup::Nothing
        }))
        .await?;
        received.await.map_err(|_| Stopped)
    }

    /// Reads the configuration anew and returns the keys that wait for a restart;
    /// the failure says why it was not taken.
    pub(super) async fn reload(
        &self,
        is_forced: bool,
    ) -> Result<Result<Vec<String>, Failure>, Stopped> {
        let (answer, received) = oneshot::channel();
        self.send(Box::new(move |_| Followup::Reload(is_forced, answer)))
            .await?;
        let result = received.await.map_err(|_| Stopped)?;
        Ok(result.map(|keys| keys.into_iter().map(str::to_owned).collect()))
    }

    /// As [`Self::reload`], of what a generation was made of.
    pub(super) async fn revert(
        &self,
        generation: u64,
        is_forced: bool,
    ) -> Result<Result<Vec<String>, Failure>, Stopped> {
        let (answer, received) = oneshot::channel();
        self.send(Box::new(move |_| {
            Followup::Revert(generation, is_forced, answer)
        }))
        .await?;
        let result = received.await.map_err(|_| Stopped)?;
        Ok(result.map(|keys| keys.into_iter().map(str::to_owned).collect()))
    }

    /// What a reload would change, with a `proposed` file in its place.
    pub(super) async fn differ(
        &self,
        proposed: Option<Proposed>,
    ) -> Result<Result<Difference, Failure>, Stopped> {
        let (answer, received) = oneshot::channel();
        self.send(Box::new(move |_| Followup::Differ(proposed, answer)))
            .await?;
        received.await.map_err(|_| Stopped)
    }

    /// Has the daemon follow the order of `user`.
    pub(super) async fn order(
        &self,
        order: Order,
        user: String,
    ) -> Result<Result<Overridden, Failure>, Stopped> {
        let (answer, received) = oneshot::channel();
        self.send(Box::new(move |_| {
            Followup::Order(Box::new(order), user, answer)
        }))
        .await?;
        received.await.map_err(|_| Stopped)
    }

    async fn send(&self, request: Request) -> Result<(), Stopped> {
        self.sender.send(request).await.map_err(|_| Stopped)
    }
}

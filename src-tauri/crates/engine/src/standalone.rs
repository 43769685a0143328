//! A restore of its own: onto a kept winner, or into a folder here.

use model::{AppError, Code, RestoreRequest, RunId, path_bytes};

use crate::actor::Request;
use crate::handle::Handle;

impl Handle {
    /// Begins a restore that no race precedes. Its failure never destroys the
    /// machine; [`Handle::follow`] tells how it goes.
    ///
    /// # Errors
    /// The request makes no sense, or another run restores onto that machine.
    pub async fn restore(&self, request: RestoreRequest) -> Result<RunId, AppError> {
        let request = Box::new(request);
        self.ask(|reply| Request::Restore { request, reply }).await?
    }

    /// Moves a path of a running restore to the front; a fact tells when it was
    /// heard.
    ///
    /// # Errors
    /// There is no such run, it does not restore, or its tool cannot.
    pub async fn move_to_front(&self, run: &RunId, path: &str) -> Result<(), AppError> {
        let (id, path) = (run.clone(), path_bytes(path.trim_start_matches('/')));
        let heard = self.ask(|reply| Request::Front { run: id, path: path[..].into(), reply });
        if heard.await? {
            return Ok(());
        }
        let details = format!("run {run} does not restore with the agent now");
        Err(AppError::new(Code::Usage, details))
    }
}

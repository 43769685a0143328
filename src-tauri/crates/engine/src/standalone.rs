//! A restore of its own: onto a kept winner, or into a folder here.

use model::{AppError, Code, RestoreRequest, RunId};

use crate::handle::Handle;

impl Handle {
    /// Begins a restore that no race precedes. Its failure never destroys the
    /// machine.
    ///
    /// # Errors
    /// The request makes no sense, or what it needs is missing.
    pub async fn restore(&self, request: RestoreRequest) -> Result<RunId, AppError> {
        let _ = request;
        Err(AppError::new(Code::Internal, "not built yet"))
    }

    /// Moves a path of a running restore to the front.
    ///
    /// # Errors
    /// There is no such run, it does not restore, or its tool cannot.
    pub async fn move_to_front(&self, run: &RunId, path: &str) -> Result<(), AppError> {
        let _ = (run, path);
        Err(AppError::new(Code::Internal, "not built yet"))
    }
}

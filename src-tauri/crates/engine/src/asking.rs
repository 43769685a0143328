//! Questions to a cloud. They cost nothing, so they are asked again while it
//! stumbles.

use std::time::Duration;

use clouds::{CloudError, CloudErrorKind};
use model::AppError;

use crate::context::Context;

/// How long is waited before each further try.
const WAITS: [Duration; 3] =
    [Duration::from_millis(300), Duration::from_secs(1), Duration::from_secs(2)];
/// A cloud that wants a longer pause gets none: the user is told.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Asks until it is answered, a few times at most.
pub(crate) async fn ask<T, F>(context: &Context, question: impl Fn() -> F) -> Result<T, CloudError>
where
    F: Future<Output = Result<T, CloudError>>,
{
    for wait in WAITS {
        let error = match question().await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        let wait = match error.kind {
            CloudErrorKind::Throttled { retry_after } => retry_after.unwrap_or(wait),
            CloudErrorKind::Unreachable | CloudErrorKind::NotUnderstood => wait,
            _ => return Err(error),
        };
        if wait > LONGEST_WAIT {
            return Err(error);
        }
        tracing::debug!(%error, "the cloud is asked again");
        let clock = &context.clock;
        clock.sleep_until(clock.now().after(u64::try_from(wait.as_millis()).unwrap_or(0))).await;
    }
    question().await
}

/// What the user is told of it.
pub(crate) fn cloud_error(error: &CloudError) -> AppError {
    AppError::new(error.code(), error.details.clone())
}

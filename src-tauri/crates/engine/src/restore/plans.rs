//! Plans that were made: a launch finds the one that its estimate made, and
//! the next launch of the same snapshot the same.

use std::sync::{Arc, PoisonError};

use model::{AppError, Tick};
use repository::{Plan, PlanRequest, Repository};
use restic::Id;
use tokio::sync::OnceCell;

use crate::context::repository_error;

/// Plans that are kept in memory.
const KEPT: usize = 4;
/// A plan beside the repository is deleted after seven days; it is made anew
/// well before that.
const GOOD_MS: u64 = 5 * 24 * 3_600_000;

/// What a plan is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) root: Id,
    pub(crate) include: Vec<String>,
    pub(crate) critical: Vec<String>,
}

/// A plan, and whether it lies beside the repository.
#[derive(Debug)]
pub(crate) struct MadePlan {
    pub(crate) plan: Plan,
    stored: OnceCell<()>,
}

/// Plans that were made.
#[derive(Debug, Default)]
pub struct Plans(std::sync::Mutex<Vec<(Wanted, Tick, Arc<MadePlan>)>>);

impl Plans {
    /// The plan for this, made if it was not.
    pub(crate) async fn of(
        &self,
        repository: &Repository,
        wanted: Wanted,
        now: Tick,
    ) -> Result<Arc<MadePlan>, AppError> {
        if let Some(made) = self.find(&wanted, now) {
            return Ok(made);
        }
        let Wanted { root, include, critical } = wanted.clone();
        let request = PlanRequest { root, include, critical };
        let plan = repository.plan(&request).await.map_err(repository_error)?;
        let made = Arc::new(MadePlan { plan, stored: OnceCell::new() });
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(known, _, _)| *known != wanted);
        kept.insert(0, (wanted, now, Arc::clone(&made)));
        kept.truncate(KEPT);
        Ok(made)
    }

    fn find(&self, wanted: &Wanted, now: Tick) -> Option<Arc<MadePlan>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter()
            .find(|(known, at, _)| known == wanted && now.since(*at) < GOOD_MS)
            .map(|(_, _, made)| Arc::clone(made))
    }
}

impl MadePlan {
    /// Puts it beside the repository, once.
    pub(crate) async fn store(&self, repository: &Repository) -> Result<(), AppError> {
        let store = || async { repository.store_plan(&self.plan).await.map_err(repository_error) };
        self.stored.get_or_try_init(store).await.copied()
    }
}

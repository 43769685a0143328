//! What we know of physical machines, from outside.

use model::{AppError, CloudId, HostId, HostStanding, HostView};

use crate::handle::Handle;

impl Handle {
    /// Every host we ever rented or the user thinks something of, the fastest
    /// first.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn hosts(&self) -> Result<Vec<HostView>, AppError> {
        let context = self.context();
        let mut views = Vec::new();
        for cloud in CloudId::ALL {
            views.extend(context.ledger.host_views(*cloud, context.rules.host_rest_ms)?);
        }
        views.sort_by_key(|view| {
            (view.record.median_ready_ms.unwrap_or(u64::MAX), std::cmp::Reverse(view.last))
        });
        Ok(views)
    }

    /// Keeps what the user thinks of a host.
    ///
    /// # Errors
    /// The ledger cannot be written.
    pub fn set_standing(
        &self,
        cloud: CloudId,
        host: &HostId,
        standing: HostStanding,
    ) -> Result<(), AppError> {
        Ok(self.context().ledger.keep_standing(cloud, host, standing)?)
    }
}

//! The memory for what is on its way from the line to the disk: a fixed budget,
//! whatever the snapshot's size. A reader waits until there is room for the
//! whole of its next piece, so that none holds a part and waits for the rest.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What budgets count in, in bytes.
const UNIT: usize = 64 << 10;
/// The smallest buffer, in bytes.
const SMALLEST: usize = 256 << 10;
/// Larger buffers are not kept for the next piece.
const LARGEST_KEPT: usize = 4 << 20;

/// The budget and the buffers that nobody uses right now.
#[derive(Debug)]
pub(crate) struct Memory {
    permits: Arc<Semaphore>,
    all: u32,
    waiting: AtomicUsize,
    /// By the power of two of their length.
    idle: Mutex<Vec<Vec<u8>>>,
    most_idle: usize,
}

/// A piece's bytes, and its share of the budget.
#[derive(Debug)]
pub(crate) struct Buffer {
    pub(crate) bytes: Vec<u8>,
    memory: Arc<Memory>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        if bytes.len() > LARGEST_KEPT || bytes.is_empty() {
            return;
        }
        let mut idle = self.memory.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let kept: usize = idle.iter().map(Vec::len).sum();
        if kept + bytes.len() <= self.memory.most_idle {
            idle.push(bytes);
        }
    }
}

impl Memory {
    /// A budget of so many bytes.
    pub(crate) fn new(bytes: usize) -> Arc<Self> {
        let all = u32::try_from(bytes.max(SMALLEST) / UNIT).unwrap_or(u32::MAX).min(1 << 24);
        Arc::new(Self {
            permits: Arc::new(Semaphore::new(all as usize)),
            all,
            waiting: AtomicUsize::new(0),
            idle: Mutex::default(),
            most_idle: bytes / 8,
        })
    }

    /// Whether a reader waits for room.
    pub(crate) fn is_short(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// Room for a piece of so many bytes and so many more beside it. What is
    /// larger than the budget gets all of it.
    pub(crate) async fn buffer(self: &Arc<Self>, length: usize, beside: usize) -> Option<Buffer> {
        let length = length.next_power_of_two().max(SMALLEST);
        let units = u32::try_from((length + beside).div_ceil(UNIT)).unwrap_or(u32::MAX);
        let units = units.min(self.all);
        let permits = Arc::clone(&self.permits);
        let at_once = Arc::clone(&permits).try_acquire_many_owned(units);
        let permit = if let Ok(permit) = at_once {
            permit
        } else {
            self.waiting.fetch_add(1, Ordering::Relaxed);
            let permit = permits.acquire_many_owned(units).await;
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            permit.ok()?
        };
        let idle = {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            let fitting = idle.iter().position(|buffer| buffer.len() == length);
            fitting.map(|at| idle.swap_remove(at))
        };
        let bytes = idle.unwrap_or_else(|| vec![0; length]);
        Some(Buffer { bytes, memory: Arc::clone(self), _permit: permit })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_piece_larger_than_the_budget_waits_for_all_of_it() {
        let memory = Memory::new(4 << 20);
        let small = memory.buffer(100, 0).await.unwrap();
        assert_eq!(small.bytes.len(), SMALLEST);
        let all = Arc::clone(&memory);
        let large = tokio::spawn(async move { all.buffer(8 << 20, 8 << 20).await.unwrap() });
        while !memory.is_short() {
            tokio::task::yield_now().await;
        }
        drop(small);
        assert_eq!(large.await.unwrap().bytes.len(), 8 << 20);
        assert_eq!(memory.permits.available_permits(), memory.all as usize);
        assert_eq!(memory.idle.lock().unwrap().len(), 1);
    }
}

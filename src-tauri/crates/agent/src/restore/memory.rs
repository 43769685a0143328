//! The memory for what is on its way from the line to the disk: fixed budgets,
//! whatever the snapshot's size. A reader waits until there is room for the
//! whole of its next piece, so that none holds a part and waits for the rest;
//! a thread that opens blobs waits until there is room for a large one's
//! contents.

use std::collections::VecDeque;
use std::io;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use memmap2::MmapMut;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What budgets count in, in bytes.
const UNIT: usize = 64 << 10;
/// The smallest buffer, in bytes.
const SMALLEST: usize = 256 << 10;
/// Contents of large blobs that are unpacked at a time, in bytes.
const UNPACKED: usize = 24 << 20;
/// Larger buffers are not kept for the next piece.
const LARGEST_KEPT: usize = 8 << 20;

/// The budget and the buffers that nobody uses right now.
#[derive(Debug)]
pub(crate) struct Memory {
    permits: Arc<Semaphore>,
    all: u32,
    waiting: AtomicUsize,
    unpacking: Mutex<usize>,
    unpacked: Condvar,
    idle: Mutex<Idle>,
    most_idle: usize,
}

/// Buffers that wait for their next piece, the longest unused first.
#[derive(Debug, Default)]
struct Idle {
    buffers: VecDeque<MmapMut>,
    bytes: usize,
}

impl Idle {
    /// The smallest of this length, and of those the warmest. A new one is
    /// worse than one that is too long, but what is held must stay in
    /// proportion to what is counted.
    fn take(&mut self, length: usize) -> Option<MmapMut> {
        let fits = |one: &MmapMut| (length..=2 * length).contains(&one.len());
        let fitting = self.buffers.iter().enumerate().filter(|(_, one)| fits(one));
        let (at, _) = fitting.rev().min_by_key(|(_, one)| one.len())?;
        let buffer = self.buffers.remove(at)?;
        self.bytes -= buffer.len();
        Some(buffer)
    }

    fn put(&mut self, buffer: MmapMut, most: usize) {
        self.bytes += buffer.len();
        self.buffers.push_back(buffer);
        while self.bytes > most
            && let Some(oldest) = self.buffers.pop_front()
        {
            self.bytes -= oldest.len();
        }
    }
}

/// A piece's bytes, and its share of the budget.
#[derive(Debug)]
pub(crate) struct Buffer {
    /// Taken from the system by itself: what is large and comes and goes makes
    /// an allocator hold on to far more.
    map: Option<MmapMut>,
    memory: Arc<Memory>,
    _permit: OwnedSemaphorePermit,
}

/// Room for the contents of a large blob.
#[derive(Debug)]
pub(crate) struct Room<'a> {
    memory: &'a Memory,
    bytes: usize,
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        *self.memory.unpacking() -= self.bytes;
        self.memory.unpacked.notify_all();
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some(map) = self.map.take()
            && map.len() <= LARGEST_KEPT.min(self.memory.most_idle)
        {
            self.memory.locked().put(map, self.memory.most_idle);
        }
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.map.as_deref().unwrap_or_default()
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.map.as_deref_mut().unwrap_or_default()
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
            unpacking: Mutex::new(0),
            unpacked: Condvar::new(),
            idle: Mutex::default(),
            most_idle: bytes,
        })
    }

    fn locked(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a reader waits for room.
    pub(crate) fn is_short(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    fn unpacking(&self) -> MutexGuard<'_, usize> {
        self.unpacking.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for room for so much contents. Whoever has room goes on without
    /// waiting for anything, so it comes; what is larger than the budget gets
    /// all of it.
    pub(crate) fn unpack(&self, bytes: usize) -> Room<'_> {
        let mut taken = self.unpacking();
        while *taken > 0 && *taken + bytes > UNPACKED {
            taken = self.unpacked.wait(taken).unwrap_or_else(PoisonError::into_inner);
        }
        *taken += bytes;
        Room { memory: self, bytes }
    }

    /// Room for a piece of so many bytes. What is larger than the budget gets
    /// all of it.
    ///
    /// # Errors
    /// The system has no memory.
    pub(crate) async fn buffer(self: &Arc<Self>, length: usize) -> io::Result<Buffer> {
        let length = length.next_power_of_two().max(SMALLEST);
        let units = u32::try_from(length.div_ceil(UNIT)).unwrap_or(u32::MAX);
        let units = units.min(self.all);
        let permits = Arc::clone(&self.permits);
        let at_once = Arc::clone(&permits).try_acquire_many_owned(units);
        let permit = if let Ok(permit) = at_once {
            permit
        } else {
            self.waiting.fetch_add(1, Ordering::Relaxed);
            let permit = permits.acquire_many_owned(units).await;
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            permit.map_err(io::Error::other)?
        };
        let idle = self.locked().take(length);
        let map = match idle {
            Some(map) => map,
            None => MmapMut::map_anon(length)?,
        };
        Ok(Buffer { map: Some(map), memory: Arc::clone(self), _permit: permit })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_piece_larger_than_the_budget_waits_for_all_of_it() {
        let memory = Memory::new(4 << 20);
        let small = memory.buffer(100).await.unwrap();
        assert_eq!(small.len(), SMALLEST);
        let all = Arc::clone(&memory);
        let large = tokio::spawn(async move { all.buffer(8 << 20).await.unwrap() });
        while !memory.is_short() {
            tokio::task::yield_now().await;
        }
        drop(small);
        assert_eq!(large.await.unwrap().len(), 8 << 20);
        assert_eq!(memory.permits.available_permits(), memory.all as usize);
        assert_eq!(memory.locked().buffers.len(), 1);
    }

    #[test]
    fn large_contents_wait_for_each_other() {
        let memory = Memory::new(4 << 20);
        let most = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let (memory, most) = (&memory, &most);
                scope.spawn(move || {
                    for n in 0..200 {
                        // One of them alone is more than the budget.
                        let bytes = (1 + (thread * 7 + n) % 4) * (8 << 20);
                        let room = memory.unpack(bytes);
                        let taken = *memory.unpacking();
                        assert!(taken <= UNPACKED || taken == bytes);
                        most.fetch_max(taken, Ordering::Relaxed);
                        drop(room);
                    }
                });
            }
        });
        assert_eq!(*memory.unpacking(), 0);
        assert!(most.into_inner() >= UNPACKED);
    }
}

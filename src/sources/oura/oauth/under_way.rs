//! Renewals under way in this process: an end that does not wait for them loses what the server gives out.

use tokio::sync::{Semaphore, SemaphorePermit};

/// More than can ever be under way at once.
const ALL: u32 = 1024;

static LEAVES: Semaphore = Semaphore::const_new(ALL as usize);

/// As long as the value lives, a renewal is under way.
pub(crate) async fn begun() -> Option<SemaphorePermit<'static>> {
    LEAVES.acquire().await.ok()
}

/// Wait until none is under way. One that would begin meanwhile waits too, and has not asked yet.
pub async fn ended() {
    let _all = LEAVES.acquire_many(ALL).await;
}

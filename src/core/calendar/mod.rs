//! What calendars hold: events and to-dos that may come again, the time that events take, and the free time between them.

pub mod busy_times;
pub mod datetime;
mod days;
pub mod event;
pub mod expand;
mod named;
pub mod reading;
pub mod rule;
pub mod series;
pub mod todo;

/// How much may be looked at before something counts as endless: a day or a moment each.
#[derive(Debug, Clone)]
pub struct Budget {
    left: u32,
}

/// Something comes again so often that it is not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetExceeded;

impl Budget {
    /// So much.
    #[must_use]
    pub const fn of(left: u32) -> Self {
        Self { left }
    }

    /// Set a part aside for one thing, so that it alone cannot use up all.
    #[must_use]
    pub fn share(&mut self, most: u32) -> Self {
        let left = self.left.min(most);
        self.left -= left;
        Self { left }
    }

    /// Take back what was not needed.
    pub const fn give_back(&mut self, rest: &Self) {
        self.left = self.left.saturating_add(rest.left);
    }

    /// Take some of it.
    ///
    /// # Errors
    /// When there is no more.
    pub const fn spend(&mut self, steps: u32) -> Result<(), BudgetExceeded> {
        match self.left.checked_sub(steps) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(BudgetExceeded),
        }
    }
}

//! Runs and their facts.

use model::{At, Fact, Recipe, RunId, RunView};
use rusqlite::{OptionalExtension as _, params};
use tracing::debug;

use super::{Ledger, LedgerError};

/// A run as it was begun.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RunRow {
    /// Which.
    pub run: RunId,
    /// When.
    pub started: At,
    /// What.
    pub recipe: Recipe,
    /// Whether it was closed by the process that began it.
    pub ended: bool,
}

impl Ledger {
    /// Writes a run down before anything of it happens.
    ///
    /// # Errors
    /// The ledger cannot be used.
    pub fn begin_run(
        &self,
        run: &RunId,
        started: At,
        practice: bool,
        recipe: &Recipe,
    ) -> Result<(), LedgerError> {
        self.durable().execute(
            "INSERT INTO runs (run, started, practice, recipe, engine) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                run.as_str(),
                started.unix_ms(),
                practice,
                serde_json::to_string(recipe)?,
                self.presence.id(),
            ],
        )?;
        Ok(())
    }

    /// Closes a run.
    ///
    /// # Errors
    /// The ledger cannot be used.
    pub fn end_run(&self, run: &RunId, ended: At) -> Result<(), LedgerError> {
        self.durable().execute(
            "UPDATE runs SET ended = ?2 WHERE run = ?1",
            params![run.as_str(), ended.unix_ms()],
        )?;
        Ok(())
    }

    /// Takes over every run that is not settled and whose copy of the app is
    /// dead. Of several copies that try, one gets each.
    ///
    /// # Errors
    /// The ledger cannot be used.
    pub fn take_over(&self) -> Result<Vec<RunId>, LedgerError> {
        let mut connection = self.durable();
        let transaction =
            connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let open: Vec<(String, Option<String>)> = transaction
            .prepare(
                "SELECT run, engine FROM runs WHERE ended IS NULL OR EXISTS \
                 (SELECT 1 FROM rentals WHERE rentals.run = runs.run \
                  AND state IN ('intended', 'rented', 'condemned')) ORDER BY started",
            )?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        let mut taken = Vec::new();
        for (run, engine) in open {
            if engine.is_some_and(|engine| self.presence.lives(&engine)) {
                continue;
            }
            transaction.execute(
                "UPDATE runs SET engine = ?2 WHERE run = ?1",
                params![run, self.presence.id()],
            )?;
            taken.push(RunId::new(run));
        }
        transaction.commit()?;
        Ok(taken)
    }

    /// This copy drives the run from now on.
    ///
    /// # Errors
    /// The ledger cannot be used.
    pub fn drive(&self, run: &RunId) -> Result<(), LedgerError> {
        self.durable().execute(
            "UPDATE runs SET engine = ?2 WHERE run = ?1",
            params![run.as_str(), self.presence.id()],
        )?;
        Ok(())
    }

    /// Whether another copy of the app, which is alive, has this run in its
    /// hands.
    ///
    /// # Errors
    /// The ledger cannot be used.
    pub fn is_driven_elsewhere(&self, run: &RunId) -> Result<bool, LedgerError> {
        let engine: Option<Option<String>> = self
            .quick()
            .query_row("SELECT engine FROM runs WHERE run = ?1", [run.as_str()], |row| row.get(0))
            .optional()?;
        let engine = engine.flatten().filter(|engine| engine != self.presence.id());
        Ok(engine.is_some_and(|engine| self.presence.lives(&engine)))
    }

    /// Appends a fact.
    ///
    /// # Errors
    /// The ledger cannot be used.
    pub fn append(&self, fact: &Fact) -> Result<(), LedgerError> {
        let seq = i64::try_from(fact.seq).unwrap_or(i64::MAX);
        self.quick()
            .prepare_cached("INSERT INTO facts (run, seq, fact) VALUES (?1, ?2, ?3)")?
            .execute(params![fact.run.as_str(), seq, serde_json::to_string(fact)?])?;
        Ok(())
    }

    /// A run's facts after `seq`, in order. One that another version of the app
    /// wrote and this one cannot read is left out: what costs money stands in
    /// the rentals, and no old story may stop a run of today.
    ///
    /// # Errors
    /// The ledger cannot be used.
    pub fn facts(&self, run: &RunId, after: u64) -> Result<Vec<Fact>, LedgerError> {
        let connection = self.quick();
        let mut statement = connection
            .prepare_cached("SELECT fact FROM facts WHERE run = ?1 AND seq > ?2 ORDER BY seq")?;
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        let mut rows = statement.query(params![run.as_str(), after])?;
        let mut facts = Vec::new();
        while let Some(row) = rows.next()? {
            match serde_json::from_str(row.get_ref(0)?.as_str().unwrap_or_default()) {
                Ok(fact) => facts.push(fact),
                Err(error) => debug!(%run, %error, "a fact of another version is left out"),
            }
        }
        Ok(facts)
    }

    /// A run as its facts tell it. The next fact follows the last one written,
    /// whether or not that one could be read.
    ///
    /// # Errors
    /// The ledger cannot be used.
    pub fn view(&self, run: &RunId) -> Result<RunView, LedgerError> {
        let mut view = RunView::replay(run.clone(), &self.facts(run, 0)?);
        let last: Option<i64> = self
            .quick()
            .prepare_cached("SELECT MAX(seq) FROM facts WHERE run = ?1")?
            .query_row([run.as_str()], |row| row.get(0))?;
        view.seq = view.seq.max(last.and_then(|seq| u64::try_from(seq).ok()).unwrap_or(0));
        Ok(view)
    }

    /// The newest runs, newest first.
    ///
    /// # Errors
    /// The ledger cannot be used.
    pub(crate) fn runs(&self, limit: u32) -> Result<Vec<RunRow>, LedgerError> {
        self.select_runs_where("TRUE ORDER BY started DESC, run LIMIT ?1", params![limit])
    }

    /// One run.
    ///
    /// # Errors
    /// The ledger cannot be used.
    pub(crate) fn run(&self, run: &RunId) -> Result<Option<RunRow>, LedgerError> {
        let rows = self.select_runs_where("run = ?1", params![run.as_str()])?;
        Ok(rows.into_iter().next())
    }

    fn select_runs_where(
        &self,
        condition: &str,
        params: impl rusqlite::Params,
    ) -> Result<Vec<RunRow>, LedgerError> {
        let connection = self.quick();
        let query = format!("SELECT run, started, recipe, ended FROM runs WHERE {condition}");
        let mut statement = connection.prepare_cached(&query)?;
        let rows = statement.query_map(params, |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, i64>(1)?,
                row.get::<_, String>(2)?,
                row.get::<_, Option<i64>>(3)?,
            ))
        })?;
        rows.map(|row| {
            let (run, started, recipe, ended) = row?;
            Ok(RunRow {
                run: RunId::new(run),
                started: At::from_unix_ms(started),
                recipe: serde_json::from_str(&recipe)?,
                ended: ended.is_some(),
            })
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use model::FactBody;

    use super::super::tests::ledger;
    use super::*;

    #[test]
    fn facts_come_back_in_order_and_only_once() {
        let (ledger, _folder) = ledger();
        let run = RunId::new("q7m2x4n6pa");
        ledger.begin_run(&run, At::from_unix_ms(5), true, &Recipe::default()).unwrap();
        let fact = |seq| Fact {
            run: run.clone(),
            seq,
            at: At::from_unix_ms(5),
            elapsed_ms: 0,
            body: FactBody::HeatStarted { heat: 1 },
        };
        for seq in 1..=3 {
            ledger.append(&fact(seq)).unwrap();
        }
        assert!(ledger.append(&fact(2)).is_err(), "a fact is never overwritten");
        assert_eq!(ledger.facts(&run, 1).unwrap(), [fact(2), fact(3)]);
        assert!(!ledger.runs(5).unwrap()[0].ended);
        ledger.end_run(&run, At::from_unix_ms(9)).unwrap();
        assert!(ledger.runs(5).unwrap()[0].ended);
    }

    #[test]
    fn what_another_version_wrote_stops_nobody() {
        let (ledger, _folder) = ledger();
        let run = RunId::new("q7m2x4n6pa");
        ledger.begin_run(&run, At::from_unix_ms(5), true, &Recipe::default()).unwrap();
        let fact = |seq, body| Fact {
            run: run.clone(),
            seq,
            at: At::from_unix_ms(5),
            elapsed_ms: 0,
            body,
        };
        let first = fact(1, FactBody::HeatStarted { heat: 2 });
        ledger.append(&first).unwrap();
        for (seq, foreign) in [(2, r#"{"fact":"restore_planned","files":7}"#), (3, "no fact")] {
            ledger
                .quick()
                .execute(
                    "INSERT INTO facts (run, seq, fact) VALUES (?1, ?2, ?3)",
                    params![run.as_str(), seq, foreign],
                )
                .unwrap();
        }
        assert_eq!(ledger.facts(&run, 0).unwrap(), [first]);
        let view = ledger.view(&run).unwrap();
        assert_eq!((view.heat, view.seq), (2, 3));
        ledger.append(&fact(view.seq + 1, FactBody::HeatStarted { heat: 1 })).unwrap();
        assert_eq!(ledger.view(&run).unwrap().heat, 1);
    }
}

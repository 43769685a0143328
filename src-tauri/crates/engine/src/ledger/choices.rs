//! What the user chose: settings, recipes, and what is thought of hosts.

use std::collections::BTreeMap;

use model::{CloudId, HostId, HostStanding, Recipe, Settings};
use rusqlite::{OptionalExtension as _, params};

use super::{Ledger, LedgerError};

impl Ledger {
    /// The settings, if any were ever kept.
    ///
    /// # Errors
    /// The ledger cannot be used.
    pub fn settings(&self) -> Result<Option<Settings>, LedgerError> {
        let text: Option<String> = self
            .quick()
            .query_row("SELECT value FROM meta WHERE name = 'settings'", [], |row| row.get(0))
            .optional()?;
        Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
    }

    /// Keeps the settings.
    ///
    /// # Errors
    /// The ledger cannot be used.
    pub fn keep_settings(&self, settings: &Settings) -> Result<(), LedgerError> {
        self.durable().execute(
            "INSERT OR REPLACE INTO meta (name, value) VALUES ('settings', ?1)",
            params![serde_json::to_string(settings)?],
        )?;
        Ok(())
    }

    /// The recipes, in the user's order.
    ///
    /// # Errors
    /// The ledger cannot be used.
    pub fn recipes(&self) -> Result<Vec<Recipe>, LedgerError> {
        let connection = self.quick();
        let mut statement =
            connection.prepare_cached("SELECT recipe FROM recipes ORDER BY place, name")?;
        let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
        rows.map(|row| Ok(serde_json::from_str(&row?)?)).collect()
    }

    /// Keeps a recipe under its name, in the place of the one called `replaces`
    /// or at the end.
    ///
    /// # Errors
    /// The ledger cannot be used.
    pub fn keep_recipe(&self, recipe: &Recipe, replaces: Option<&str>) -> Result<(), LedgerError> {
        let text = serde_json::to_string(recipe)?;
        let mut connection = self.durable();
        let transaction = connection.transaction()?;
        let place = |name: &str| {
            transaction
                .query_row("SELECT place FROM recipes WHERE name = ?1", params![name], |row| {
                    row.get::<_, i64>(0)
                })
                .optional()
        };
        let place = match replaces {
            Some(old) => place(old)?,
            None => place(&recipe.name)?,
        };
        let last = "SELECT COALESCE(MAX(place), 0) + 1 FROM recipes";
        let place = place
            .map_or_else(|| transaction.query_row(last, [], |row| row.get::<_, i64>(0)), Ok)?;
        if let Some(old) = replaces {
            transaction.execute("DELETE FROM recipes WHERE name = ?1", params![old])?;
        }
        transaction.execute(
            "INSERT OR REPLACE INTO recipes (name, place, recipe) VALUES (?1, ?2, ?3)",
            params![recipe.name, place, text],
        )?;
        transaction.commit()?;
        Ok(())
    }

    /// Forgets a recipe. Whether there was one.
    ///
    /// # Errors
    /// The ledger cannot be used.
    pub fn forget_recipe(&self, name: &str) -> Result<bool, LedgerError> {
        let forgotten =
            self.durable().execute("DELETE FROM recipes WHERE name = ?1", params![name])?;
        Ok(forgotten > 0)
    }

    /// What the user thinks of the hosts of a cloud, those thought of at all.
    ///
    /// # Errors
    /// The ledger cannot be used.
    pub fn standings(&self, cloud: CloudId) -> Result<BTreeMap<HostId, HostStanding>, LedgerError> {
        let connection = self.quick();
        let mut statement =
            connection.prepare_cached("SELECT host, standing FROM standings WHERE cloud = ?1")?;
        let rows = statement.query_map(params![cloud.as_str()], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
        })?;
        rows.map(|row| {
            let (host, standing) = row?;
            let standing = serde_json::from_value(standing.into())?;
            Ok((HostId::new(host), standing))
        })
        .collect()
    }

    /// Keeps what the user thinks of a host.
    ///
    /// # Errors
    /// The ledger cannot be used.
    pub fn keep_standing(
        &self,
        cloud: CloudId,
        host: &HostId,
        standing: HostStanding,
    ) -> Result<(), LedgerError> {
        let connection = self.durable();
        if standing == HostStanding::None {
            connection.execute(
                "DELETE FROM standings WHERE cloud = ?1 AND host = ?2",
                params![cloud.as_str(), host.as_str()],
            )?;
            return Ok(());
        }
        let text = serde_json::to_value(standing)?;
        connection.execute(
            "INSERT OR REPLACE INTO standings (cloud, host, standing) VALUES (?1, ?2, ?3)",
            params![cloud.as_str(), host.as_str(), text.as_str()],
        )?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::ledger;
    use super::*;

    fn recipe(name: &str) -> Recipe {
        Recipe { name: name.into(), ..Recipe::default() }
    }

    fn names(ledger: &Ledger) -> Vec<String> {
        ledger.recipes().unwrap().into_iter().map(|recipe| recipe.name).collect()
    }

    #[test]
    fn a_recipe_keeps_its_place_when_it_is_changed_or_renamed() {
        let (ledger, _folder) = ledger();
        for name in ["one", "two", "three"] {
            ledger.keep_recipe(&recipe(name), None).unwrap();
        }
        let image = Recipe { image: "other".into(), ..recipe("one") };
        ledger.keep_recipe(&image, Some("one")).unwrap();
        ledger.keep_recipe(&recipe("zwei"), Some("two")).unwrap();
        assert_eq!(names(&ledger), ["one", "zwei", "three"]);
        assert_eq!(ledger.recipes().unwrap()[0].image, "other");
        assert!(ledger.forget_recipe("one").unwrap());
        assert!(!ledger.forget_recipe("one").unwrap());
        assert_eq!(names(&ledger), ["zwei", "three"]);
    }

    #[test]
    fn settings_and_standings_come_back() {
        let (ledger, _folder) = ledger();
        assert_eq!(ledger.settings().unwrap(), None);
        let settings = Settings { proof: model::ProofPolicy::FirstUse, ..Settings::default() };
        ledger.keep_settings(&settings).unwrap();
        assert_eq!(ledger.settings().unwrap(), Some(settings));

        let (vast, host) = (CloudId::Vast, HostId::new("7"));
        ledger.keep_standing(vast, &host, HostStanding::Blocked).unwrap();
        assert_eq!(ledger.standings(vast).unwrap()[&host], HostStanding::Blocked);
        ledger.keep_standing(vast, &host, HostStanding::None).unwrap();
        assert!(ledger.standings(vast).unwrap().is_empty());
    }
}

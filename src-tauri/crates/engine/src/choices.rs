//! What the user chose, from outside: settings and recipes.

use model::{AppError, Code, Recipe, Settings, clean};

use crate::handle::Handle;

impl Handle {
    /// The settings.
    #[must_use]
    pub fn settings(&self) -> Settings {
        self.context().settings.get()
    }

    /// Changes the settings. Storage and proof count for what is begun from
    /// now on.
    ///
    /// # Errors
    /// They make no sense, or the ledger cannot be written.
    pub fn set_settings(&self, settings: Settings) -> Result<(), AppError> {
        let caps = [settings.caps.run, settings.caps.day, settings.caps.month];
        if caps.into_iter().flatten().any(|cap| cap <= model::Money::ZERO) {
            return Err(AppError::new(Code::Usage, "a cap is an amount above 0"));
        }
        if let Some(storage) = &settings.storage {
            storage
                .location
                .parse::<repository::Location>()
                .map_err(|error| AppError::new(Code::Usage, error.to_string()))?;
        }
        self.context().ledger.keep_settings(&settings)?;
        self.context().settings.set(settings);
        Ok(())
    }

    /// The recipes, in the user's order; never none.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn recipes(&self) -> Result<Vec<Recipe>, AppError> {
        self.context().recipes()
    }

    /// Keeps a recipe, in the place of the one called `replaces`.
    ///
    /// # Errors
    /// It makes no sense, another has its name, or the ledger cannot be
    /// written.
    pub fn save_recipe(&self, recipe: &Recipe, replaces: Option<&str>) -> Result<(), AppError> {
        recipe.check()?;
        let recipes = self.recipes()?;
        let missing = |name: &str| {
            AppError::new(Code::RecipeMissing, format!("no recipe is called {}", clean(name, 80)))
        };
        if let Some(old) = replaces
            && !recipes.iter().any(|known| known.name == old)
        {
            return Err(missing(old));
        }
        let taken = recipes.iter().any(|known| known.name == recipe.name);
        if taken && replaces != Some(recipe.name.as_str()) {
            let details = format!("another recipe is called {}", recipe.name);
            return Err(AppError::new(Code::Usage, details));
        }
        let ledger = &self.context().ledger;
        if ledger.recipes()?.is_empty() {
            // Those the world came with are the user's from the first change on.
            for known in &recipes {
                ledger.keep_recipe(known, None)?;
            }
        }
        ledger.keep_recipe(recipe, replaces)?;
        Ok(())
    }

    /// Forgets a recipe; the last one stays.
    ///
    /// # Errors
    /// There is no such recipe, or no other.
    pub fn delete_recipe(&self, name: &str) -> Result<(), AppError> {
        let recipes = self.recipes()?;
        if !recipes.iter().any(|known| known.name == name) {
            let details = format!("no recipe is called {}", clean(name, 80));
            return Err(AppError::new(Code::RecipeMissing, details));
        }
        if recipes.len() == 1 {
            return Err(AppError::new(Code::Usage, "the last recipe cannot be deleted"));
        }
        let ledger = &self.context().ledger;
        for known in &recipes {
            ledger.keep_recipe(known, Some(&known.name))?;
        }
        ledger.forget_recipe(name)?;
        Ok(())
    }
}

// The window's places, in memory: a desktop window has no address bar.

import {
  createMemoryHistory,
  createRootRoute,
  createRoute,
  createRouter,
  redirect,
} from "@tanstack/react-router";
import { HostsScreen } from "../features/hosts/hosts-screen";
import { LaunchScreen } from "../features/launch/launch-screen";
import { MachinesScreen } from "../features/machines/machines-screen";
import { OffersScreen } from "../features/offers/offers-screen";
import { RecipeScreen } from "../features/recipes/recipe-screen";
import { RunsScreen } from "../features/runs/runs-screen";
import { SettingsScreen } from "../features/settings/settings-screen";
import { SnapshotsScreen } from "../features/snapshots/snapshots-screen";
import { WelcomeScreen } from "../features/welcome/welcome-screen";
import { LanesPage, RunPage } from "./run-page";
import { Shell } from "./shell";

const root = createRootRoute({ component: Shell });

/** What a place may be asked to begin with; anything else is left out. */
function asked<K extends string>(...names: K[]) {
  return (search: Record<string, unknown>): { [N in K]?: string } =>
    Object.fromEntries(
      names.flatMap(name => (typeof search[name] === "string" ? [[name, search[name]]] : [])),
    ) as { [N in K]?: string };
}

const routes = root.addChildren([
  createRoute({
    getParentRoute: () => root,
    path: "/",
    beforeLoad: () => {
      throw redirect({ to: "/launch" });
    },
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/launch",
    component: LaunchScreen,
    validateSearch: asked("recipe", "snapshot", "pick"),
  }),
  createRoute({ getParentRoute: () => root, path: "/machines", component: MachinesScreen }),
  createRoute({
    getParentRoute: () => root,
    path: "/snapshots",
    component: SnapshotsScreen,
    validateSearch: asked("snapshot"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/offers",
    component: OffersScreen,
    validateSearch: asked("recipe"),
  }),
  createRoute({ getParentRoute: () => root, path: "/hosts", component: HostsScreen }),
  createRoute({
    getParentRoute: () => root,
    path: "/settings",
    component: SettingsScreen,
    validateSearch: asked("at"),
  }),
  createRoute({ getParentRoute: () => root, path: "/welcome", component: WelcomeScreen }),
  createRoute({ getParentRoute: () => root, path: "/runs", component: RunsScreen }),
  createRoute({
    getParentRoute: () => root,
    path: "/recipe",
    component: RecipeScreen,
    validateSearch: asked("from"),
  }),
  createRoute({ getParentRoute: () => root, path: "/recipe/$name", component: RecipeScreen }),
  createRoute({ getParentRoute: () => root, path: "/run/$run", component: RunPage }),
  createRoute({ getParentRoute: () => root, path: "/run/$run/lanes", component: LanesPage }),
]);

/** `start`: the place the window opens at. */
export function createAppRouter(start: string) {
  return createRouter({
    routeTree: routes,
    history: createMemoryHistory({ initialEntries: [start] }),
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof createAppRouter>;
  }
}

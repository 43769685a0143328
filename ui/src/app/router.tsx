// The window's places, in memory: a desktop window has no address bar.

import {
  createMemoryHistory,
  createRootRoute,
  createRoute,
  createRouter,
  redirect,
} from "@tanstack/react-router";
import { type ComponentType, useEffect, useState } from "react";
import { Shell } from "./shell";

const loads: (() => Promise<unknown>)[] = [];

/**
 * A screen whose code comes after the window's frame: the first words wait for less. `Suspense`
 * would hold it back for 300 ms once there was nothing to show.
 */
function screen<K extends string>(load: () => Promise<Record<K, ComponentType>>, name: K) {
  let known: ComponentType | null = null;
  const ready = async () => {
    known ??= (await load())[name];
  };
  loads.push(ready);
  return function LateScreen() {
    const [, show] = useState(known !== null);
    useEffect(() => {
      const fail = (cause: unknown) =>
        show(() => {
          throw cause;
        });
      if (!known) ready().then(() => show(true), fail);
    }, []);
    const Screen = known;
    return Screen ? <Screen /> : <main className="main" />;
  };
}

/** Fetches every screen, so that none is waited for later. */
export function loadScreens() {
  // One that does not come now is asked for again when it is opened.
  for (const load of loads) load().catch(() => {});
}

const LaunchScreen = screen(() => import("../features/launch/launch-screen"), "LaunchScreen");
const MachinesScreen = screen(
  () => import("../features/machines/machines-screen"),
  "MachinesScreen",
);
const SnapshotsScreen = screen(
  () => import("../features/snapshots/snapshots-screen"),
  "SnapshotsScreen",
);
const OffersScreen = screen(() => import("../features/offers/offers-screen"), "OffersScreen");
const HostsScreen = screen(() => import("../features/hosts/hosts-screen"), "HostsScreen");
const SettingsScreen = screen(
  () => import("../features/settings/settings-screen"),
  "SettingsScreen",
);
const WelcomeScreen = screen(() => import("../features/welcome/welcome-screen"), "WelcomeScreen");
const RunsScreen = screen(() => import("../features/runs/runs-screen"), "RunsScreen");
const RecipeScreen = screen(() => import("../features/recipes/recipe-screen"), "RecipeScreen");
const RunPage = screen(() => import("./run-page"), "RunPage");
const LanesPage = screen(() => import("./run-page"), "LanesPage");

// Where nearly every start ends: asked for at once.
loads[0]?.().catch(() => {});

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

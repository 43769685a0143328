// The window's places, in memory: a desktop window has no address bar.

import {
  createMemoryHistory,
  createRootRoute,
  createRoute,
  createRouter,
  redirect,
} from "@tanstack/react-router";
import { LaunchScreen } from "../features/launch/launch-screen";
import { LanesPage, RunPage } from "./run-page";
import { Shell } from "./shell";

const root = createRootRoute({ component: Shell });

const routes = root.addChildren([
  createRoute({
    getParentRoute: () => root,
    path: "/",
    beforeLoad: () => {
      throw redirect({ to: "/launch" });
    },
  }),
  createRoute({ getParentRoute: () => root, path: "/launch", component: LaunchScreen }),
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

// The desktop shell as a host: the only file that knows Tauri.

import { Channel, isTauri } from "@tauri-apps/api/core";
import { commands, events, type Frame } from "../bindings";
import { call, type Host, hostError } from "./index";

/** Whether the page runs inside the desktop shell. */
export { isTauri };

export const tauriHost: Host = {
  clock: { now: () => performance.now(), wall: () => Date.now() },
  appInfo: () => call(commands.appInfo()),
  runLaunch: request => call(commands.runLaunch(request)),
  runCancel: run => call(commands.runCancel(run)),
  runNextWave: run => call(commands.runNextWave(run)),
  runsList: limit => call(commands.runsList(limit)),
  launchEstimate: request => call(commands.launchEstimate(request)),
  recipesList: () => call(commands.recipesList()),
  offersSearch: (filter, order) => call(commands.offersSearch(filter, order)),
  snapshotsList: () => call(commands.snapshotsList()),
  machinesList: () => call(commands.machinesList()),
  machineDestroy: machine => call(commands.machineDestroy(machine)),
  onRunBegan(listener) {
    const listening = events.runBegan.listen(event => listener(event.payload.run));
    return () => {
      listening.then(stop => stop());
    };
  },
  watch(run, onFrame, onError) {
    let watching = true;
    const frames = new Channel<Frame>(frame => {
      if (watching) onFrame(frame);
    });
    call(commands.runWatch(run, frames)).catch(cause => {
      if (watching) onError(hostError(cause));
    });
    return () => {
      watching = false;
    };
  },
};

// The desktop shell as a host: the only file that knows Tauri.

import { Channel, isTauri } from "@tauri-apps/api/core";
import { commands, events, type Frame } from "../bindings";
import { call, type Host, type HostEvents, hostError } from "./index";

/** Whether the page runs inside the desktop shell. */
export { isTauri };

/** What each event hands to its listener. */
const LISTEN: {
  [K in keyof HostEvents]: (listener: HostEvents[K]) => Promise<() => void>;
} = {
  runBegan: listener => events.runBegan.listen(event => listener(event.payload.run)),
  worldChanged: listener => events.worldChanged.listen(() => listener()),
  recordsChanged: listener => events.recordsChanged.listen(() => listener()),
  linkCame: listener => events.linkCame.listen(() => listener()),
  quitAsked: listener => events.quitAsked.listen(event => listener(event.payload)),
  screenAsked: listener => events.screenAsked.listen(event => listener(event.payload.screen)),
};

export const tauriHost: Host = {
  clock: { now: () => performance.now(), wall: () => Date.now() },
  appInfo: () => call(commands.appInfo()),
  appQuit: () => call(commands.appQuit()),
  appStay: () => call(commands.appStay()),
  engineRestart: () => call(commands.engineRestart()),
  folderChoose: () => call(commands.folderChoose()),
  helpOpen: page => call(commands.helpOpen(page)),
  linkTake: () => call(commands.linkTake()),
  preferencesGet: () => call(commands.preferencesGet()),
  preferencesSet: preferences => call(commands.preferencesSet(preferences)),
  settingsGet: () => call(commands.settingsGet()),
  settingsSet: settings => call(commands.settingsSet(settings)),
  secretsList: () => call(commands.secretsList()),
  secretSet: (secret, value) => call(commands.secretSet(secret, value)),
  secretForget: secret => call(commands.secretForget(secret)),
  cloudTest: (cloud, key) => call(commands.cloudTest(cloud, key)),
  storageTest: form => call(commands.storageTest(form)),
  storageSet: form => call(commands.storageSet(form)),
  storageForget: () => call(commands.storageForget()),
  repositoryCreate: form => call(commands.repositoryCreate(form)),
  runLaunch: request => call(commands.runLaunch(request)),
  runCancel: run => call(commands.runCancel(run)),
  runNextWave: run => call(commands.runNextWave(run)),
  runsList: limit => call(commands.runsList(limit)),
  launchEstimate: request => call(commands.launchEstimate(request)),
  recipesList: () => call(commands.recipesList()),
  recipeSave: (recipe, replaces) => call(commands.recipeSave(recipe, replaces)),
  recipeDelete: name => call(commands.recipeDelete(name)),
  offersSearch: (filter, order) => call(commands.offersSearch(filter, order)),
  hostsList: () => call(commands.hostsList()),
  hostSetStanding: (cloud, id, standing) => call(commands.hostSetStanding(cloud, id, standing)),
  snapshotsList: () => call(commands.snapshotsList()),
  pruneHint: () => call(commands.pruneHint()),
  snapshotTree: (snapshot, folder) => call(commands.snapshotTree(snapshot, folder)),
  snapshotCount: (snapshot, paths) => call(commands.snapshotCount(snapshot, paths)),
  snapshotCountEach: (snapshot, paths) => call(commands.snapshotCountEach(snapshot, paths)),
  restoreStart: request => call(commands.restoreStart(request)),
  restoreMoveToFront: (run, path) => call(commands.restoreMoveToFront(run, path)),
  machinesList: () => call(commands.machinesList()),
  machineDestroy: machine => call(commands.machineDestroy(machine)),
  machineStop: machine => call(commands.machineStop(machine)),
  machineStart: machine => call(commands.machineStart(machine)),
  machineLabel: (machine, label) => call(commands.machineLabel(machine, label)),
  machineLogs: (machine, lines) => call(commands.machineLogs(machine, lines)),
  machineMetrics: machine => call(commands.machineMetrics(machine)),
  machineOpen: (machine, program) => call(commands.machineOpen(machine, program)),
  machineSsh: machine => call(commands.machineSsh(machine)),
  spend: () => call(commands.spend()),
  sweep: () => call(commands.sweep()),
  leftovers: () => call(commands.leftovers()),
  guard: () => call(commands.guard()),
  on(event, listener) {
    const listening = LISTEN[event](listener);
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

// Whether the palette is open, for whoever opens it.

import { createContext, useContext } from "react";

interface PaletteState {
  isOpen: boolean;
  open: () => void;
  close: () => void;
}

export const PaletteContext = createContext<PaletteState>({
  isOpen: false,
  open: () => {},
  close: () => {},
});

export const usePalette = () => useContext(PaletteContext);

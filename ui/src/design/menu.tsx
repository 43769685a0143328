// A button that opens a list of things to do.

import { Menu } from "@base-ui/react/menu";
import type { ReactNode } from "react";

export interface MenuChoice {
  key: string;
  label: ReactNode;
  onChoose: () => void;
  disabled?: boolean;
}

interface MenuButtonProps {
  label?: string;
  className?: string;
  choices: MenuChoice[];
  children: ReactNode;
}

export function MenuButton({ label, className = "btn", choices, children }: MenuButtonProps) {
  return (
    <Menu.Root>
      <Menu.Trigger className={className} aria-label={label}>
        {children}
      </Menu.Trigger>
      <Menu.Portal>
        <Menu.Positioner sideOffset={4} align="end" className="z-10">
          <Menu.Popup className="menu" aria-label={label}>
            {choices.map(choice => (
              <Menu.Item
                key={choice.key}
                className="menu-item"
                disabled={choice.disabled ?? false}
                onClick={choice.onChoose}
              >
                {choice.label}
              </Menu.Item>
            ))}
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  );
}

import type { Chart, Palette, RoleGroup } from '../../rpc/comparison.ts';
import { ROLE_GROUPS } from '../../rpc/comparison.ts';

/** The chart of a comparison as pixels, and the colours it is drawn in. */

/** So that it is sharp on paper and on a projector. */
const SCALE = 2;

export async function paintedChart({ widthPixels, heightPixels, shapes }: Chart): Promise<Blob> {
  const canvas = new OffscreenCanvas(widthPixels * SCALE, heightPixels * SCALE);
  const context = canvas.getContext('2d');
  if (context === null) throw new Error('this browser draws on no canvas');
  context.scale(SCALE, SCALE);
  for (const shape of shapes) {
    context.fillStyle = shape.colour;
    if (shape.kind === 'rectangle') context.fillRect(shape.x, shape.y, shape.width, shape.height);
    else {
      context.font = `${shape.isStrong ? '600 ' : ''}${shape.sizePixels}px system-ui, sans-serif`;
      context.fillText(shape.text, shape.x, shape.y);
    }
  }
  return canvas.convertToBlob({ type: 'image/png' });
}

/** The tokens as plain colours, as they are in light: a picture is put on white paper. */
export function lightPalette(): Palette {
  const probe = document.createElement('span');
  probe.style.colorScheme = 'light';
  document.body.append(probe);
  const colour = (token: string) => {
    probe.style.color = `var(--${token})`;
    return getComputedStyle(probe).color;
  };
  const groups = Object.fromEntries(ROLE_GROUPS.map((group) => [group, colour(`group-${group}`)]));
  const palette: Palette = {
    ...{ ink: colour('ink'), soft: colour('soft'), paper: colour('panel'), track: colour('sunk') },
    time: colour('focus'),
    groups: groups as Record<RoleGroup, string>,
  };
  probe.remove();
  return palette;
}

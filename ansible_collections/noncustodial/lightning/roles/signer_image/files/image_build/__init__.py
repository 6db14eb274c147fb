# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The build of the signer's images. Nothing is mounted, and the host's versions do not matter: kernel, boot loader and
the tool that joins them are the image's.
"""

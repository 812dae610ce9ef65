# syntax=docker/dockerfile:1
# Three images from one file: `app` (api, worker, migrate), `gpu-worker`, and `engines` (Temporal's dev server, SeaweedFS).
# Debian-based throughout: Temporal's SDK and Dawn have no musl builds.

FROM node:24.21.0-bookworm-slim AS packages
WORKDIR /rasterlift
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --no-audit --no-fund

FROM node:24.21.0-bookworm-slim AS app
ENV NODE_ENV=production
WORKDIR /rasterlift
COPY --from=packages /rasterlift/node_modules node_modules
COPY package.json ./
COPY images images
COPY service service
COPY database database
COPY storage storage
COPY workflows workflows
COPY activities activities
COPY gpu-worker gpu-worker
COPY api api
USER node

FROM node:24.21.0-bookworm-slim AS gpu-worker
# The Vulkan loader: WebGPU finds a GPU's driver through it. Without a driver the worker renders by WebAssembly.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends libvulkan1 \
 && rm -rf /var/lib/apt/lists/*
ENV NODE_ENV=production NVIDIA_DRIVER_CAPABILITIES=compute,utility,graphics
WORKDIR /rasterlift
COPY --from=packages /rasterlift/node_modules node_modules
COPY package.json ./
COPY images images
COPY service service
COPY gpu-worker gpu-worker
USER node
CMD ["node", "gpu-worker/main.ts"]

FROM python:3.13-slim-bookworm AS engines
COPY stack/engines/requirements.txt /tmp/requirements.txt
RUN pip install --no-cache-dir --no-deps --require-hashes --only-binary=:all: --target /opt/engines --requirement /tmp/requirements.txt \
 && useradd --create-home --uid 1000 engines \
 && install --directory --owner engines --group engines /data
ENV PATH=/opt/engines/bin:$PATH
USER engines
VOLUME /data

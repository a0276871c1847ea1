"""Noise schedules and DDIM agree with diffusers; a denoiser that knows the truth finds it."""

from __future__ import annotations

import pytest
import torch

from handhold.diffusion.noise import NoiseSchedule
from handhold.errors import InputError

PREDICTIONS = pytest.mark.parametrize("prediction", ["epsilon", "v_prediction", "sample"])
SCHEDULES = pytest.mark.parametrize("schedule", ["linear", "squaredcos_cap_v2"])


def reference(schedule, prediction):
    from diffusers.schedulers.scheduling_ddim import DDIMScheduler

    return DDIMScheduler(
        num_train_timesteps=1000,
        beta_schedule=schedule,
        prediction_type=prediction,
        clip_sample=False,
        set_alpha_to_one=True,
        timestep_spacing="trailing",
        rescale_betas_zero_snr=prediction != "epsilon",
    )


@SCHEDULES
@PREDICTIONS
def test_noise_and_targets_are_those_of_diffusers(schedule, prediction):
    ours, theirs = (
        NoiseSchedule(1000, schedule=schedule, prediction=prediction),
        reference(schedule, prediction),
    )
    generator = torch.Generator().manual_seed(0)
    clean, noise = torch.randn(2, 64, 8, generator=generator)
    step = torch.randint(1000, (64,), generator=generator)
    torch.testing.assert_close(
        ours.add_noise(clean, noise, step), theirs.add_noise(clean, noise, step), atol=2e-3, rtol=0
    )
    wanted = {
        "epsilon": noise,
        "v_prediction": theirs.get_velocity(clean, noise, step),
        "sample": clean,
    }[prediction]
    torch.testing.assert_close(ours.target(clean, noise, step), wanted, atol=2e-3, rtol=0)


@SCHEDULES
@PREDICTIONS
@pytest.mark.parametrize("count", [1, 8, 20, 1000])
def test_ddim_goes_where_diffusers_goes(schedule, prediction, count):
    ours, theirs = (
        NoiseSchedule(1000, schedule=schedule, prediction=prediction),
        reference(schedule, prediction),
    )
    theirs.set_timesteps(count)
    times = ours.steps_down(count)
    assert times == theirs.timesteps.tolist()
    guess = lambda x, step: torch.tanh(x + step / 1000)
    x = y = torch.randn(4, 8, generator=torch.Generator().manual_seed(1))
    for step, before in zip(times, [*times[1:], None], strict=True):
        x = ours.ddim_step(x, guess(x, step), step, before)
        y = theirs.step(guess(y, step), step, y, return_dict=False)[0]
    torch.testing.assert_close(x, y, atol=5e-3, rtol=0.02)


def test_steps_that_do_not_divide_the_process_are_whole_and_go_down():
    times = NoiseSchedule(1000, schedule="linear", prediction="epsilon").steps_down(7)
    assert times == [999, 856, 713, 570, 428, 285, 142]


@PREDICTIONS
def test_a_denoiser_that_knows_finds_the_truth(prediction):
    schedule = NoiseSchedule(1000, schedule="squaredcos_cap_v2", prediction=prediction)
    generator = torch.Generator().manual_seed(2)
    truth, noise = torch.randn(2, 5, 3, generator=generator)
    step = torch.tensor([0, 100, 500, 800, 900])
    noised = schedule.add_noise(truth, noise, step)
    guess = schedule.target(truth, noise, step)
    torch.testing.assert_close(schedule.clean(noised, guess, step), truth, atol=1e-3, rtol=0)


@PREDICTIONS
def test_a_step_of_a_denoiser_that_knows_stays_with_its_noise(prediction):
    schedule = NoiseSchedule(1000, schedule="squaredcos_cap_v2", prediction=prediction)
    truth, noise = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(3))
    at = lambda step: schedule.add_noise(truth, noise, torch.full((4,), step))
    for step, before in ((900, 600), (600, 20), (20, 1)):
        guess = schedule.target(truth, noise, torch.full((4,), step))
        found = schedule.ddim_step(at(step), guess, step, before)
        torch.testing.assert_close(found, at(before), atol=1e-3, rtol=0)
    if prediction != "epsilon":  # which has lost the truth where there is noise alone
        guess = schedule.target(truth, noise, torch.full((4,), 999))
        torch.testing.assert_close(schedule.ddim_step(noise, guess, 999, 400), at(400), atol=1e-4, rtol=0)


@SCHEDULES
@pytest.mark.parametrize("prediction", ["v_prediction", "sample"])
def test_the_last_step_of_a_velocity_or_a_sample_is_noise_alone(schedule, prediction):
    told = NoiseSchedule(100, schedule=schedule, prediction=prediction)
    assert told.signal[-1] == 0 and told.noise[-1] == 1
    assert (told.signal[:-1] > told.signal[1:]).all()
    published = NoiseSchedule(100, schedule=schedule, prediction="epsilon")
    assert published.signal[-1] > 0 and torch.isclose(told.signal[0], published.signal[0])


def test_more_steps_than_there_are_is_refused():
    with pytest.raises(InputError, match="1 to 10"):
        NoiseSchedule(10, schedule="linear", prediction="epsilon").steps_down(11)
